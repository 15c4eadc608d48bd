// Records of every size through the compressor: nothing is cut in two, whatever fits no frame stays as it is.

#include "source/compressor.h"

#include <zstd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "source/record.h"
#include "support/byte_writer.h"

using namespace oc::source;
using oc::test::ByteVector;

namespace {

/// A record of `size` bytes; `noise` does not shrink, and every part of it, taken for a header, is an unsound one
/// or of an arbitrary size.
void add_record(ByteVector& records, uint16_t size, bool noise) {
  static uint64_t state = 88172645463325252;
  const RecordHeader header{9, 0, size};
  const size_t at = records.size();
  records.resize(at + size, 0);
  std::memcpy(records.data() + at, &header, sizeof header);
  for (size_t i = at + sizeof header; noise && i < records.size(); ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    records[i] = static_cast<uint8_t>(state);
  }
}

struct Packed {
  ByteVector unpacked;     // what a reader makes of all parts
  size_t plain_parts = 0;  // parts that are records as they were
  uint64_t counted = 0;    // bytes that the parts are said to stand for
};

Packed pack(const ByteVector& records) {
  Compressor compressor(1);
  std::vector<iovec> parts;
  std::vector<uint64_t> unpacked;
  compressor.add(records, parts, unpacked);
  REQUIRE(parts.size() == unpacked.size());
  Packed packed;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto* bytes = static_cast<const uint8_t*>(parts[i].iov_base);
    const RecordHeader header = record_header(bytes);
    const size_t before = packed.unpacked.size();
    if (header.type != 81) {
      ++packed.plain_parts;
      packed.unpacked.insert(packed.unpacked.end(), bytes, bytes + parts[i].iov_len);
    } else {
      REQUIRE(header.size_bytes == parts[i].iov_len);
      CHECK(header.size_bytes % 8 == 0);
      packed.unpacked.resize(before + Compressor::kMostUnpacked);
      const size_t size =
          ZSTD_decompress(packed.unpacked.data() + before, Compressor::kMostUnpacked, bytes + 8,
                          parts[i].iov_len - 8);
      REQUIRE(!ZSTD_isError(size));
      packed.unpacked.resize(before + size);
    }
    CHECK(packed.unpacked.size() - before == unpacked[i]);
    packed.counted += unpacked[i];
  }
  return packed;
}

}  // namespace

TEST_CASE("records larger than a frame takes are never cut") {
  ByteVector records;
  for (int i = 0; i < 20; ++i) {
    add_record(records, 48, true);
    add_record(records, 65528, true);
    add_record(records, 61448, true);
    add_record(records, 61440, true);
  }
  const Packed packed = pack(records);
  CHECK(packed.unpacked == records);
  CHECK(packed.counted == records.size());
  CHECK(packed.plain_parts ==
        20);  // those of 65528 bytes; 61448 still fit with their frame's header
}

TEST_CASE("a large record that shrinks is packed") {
  ByteVector records;
  for (int i = 0; i < 10; ++i) add_record(records, 65528, false);
  const Packed packed = pack(records);
  CHECK(packed.unpacked == records);
  CHECK(packed.plain_parts == 0);
}

TEST_CASE("many small records share frames") {
  ByteVector records;
  for (int i = 0; i < 5000; ++i) add_record(records, 56, false);
  const Packed packed = pack(records);
  CHECK(packed.unpacked == records);
  CHECK(packed.plain_parts == 0);
}

TEST_CASE("what is no whole record is never read beyond its end") {
  for (const uint16_t claimed : {0, 7, 8, 65528}) {
    ByteVector records;
    add_record(records, 48, false);
    add_record(records, 64, false);
    std::memcpy(records.data() + 48 + 6, &claimed, 2);
    records.resize(48 + 60);  // at the end of an allocation of its own
    const ByteVector exact(records);
    const Packed packed = pack(exact);
    CHECK(packed.unpacked == exact);
  }
}
