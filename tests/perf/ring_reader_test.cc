#include "perf/ring_reader.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

using namespace oc::perf;
using oc::source::Span;

namespace {

/// A ring in ordinary memory, written as the kernel writes: nothing when there is no room.
class FakeRing {
 public:
  explicit FakeRing(uint64_t size_bytes) : data(size_bytes) {
    pages = {&control, data.data(), size_bytes};
  }

  /// A record of `size` bytes whose body is filled with `fill`; false when the ring is full.
  bool write(uint16_t size, uint8_t fill) {
    if (control.data_head + size - control.data_tail > data.size()) return false;
    std::vector<uint8_t> record(size, fill);
    const perf_event_header header{PERF_RECORD_SAMPLE, 0, size};
    std::memcpy(record.data(), &header, sizeof header);
    put(record);
    return true;
  }
  /// Bytes as they are, damaged or not.
  void put(const std::vector<uint8_t>& bytes) {
    for (const uint8_t byte : bytes) data[control.data_head++ % data.size()] = byte;
  }

  perf_event_mmap_page control{};
  std::vector<uint8_t> data;
  RingPages pages;
};

std::vector<Span> collect(RingReader& reader, uint64_t skipped = 0) {
  std::vector<Span> spans;
  CHECK(reader.collect(spans) == skipped);
  return spans;
}

uint64_t size_of(const Span& span) { return static_cast<uint64_t>(span.end - span.begin); }

/// The fill byte of each record in the spans, in order; checks sizes on the way.
std::vector<uint8_t> fills(const std::vector<Span>& spans) {
  std::vector<uint8_t> found;
  for (const Span& span : spans) {
    for (const uint8_t* at = span.begin; at != span.end;) {
      perf_event_header header;
      std::memcpy(&header, at, sizeof header);
      REQUIRE(header.size >= 16);
      REQUIRE(header.size <= span.end - at);
      for (int i = 8; i < header.size; ++i) REQUIRE(at[i] == at[8]);
      found.push_back(at[8]);
      at += header.size;
    }
  }
  return found;
}

std::vector<uint8_t> header_of_size(uint16_t size) {
  std::vector<uint8_t> bytes(16);
  const perf_event_header header{PERF_RECORD_SAMPLE, 0, size};
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace

TEST_CASE("records are lent once, in place") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 7);
  CHECK(collect(reader).empty());
  ring.write(64, 1);
  ring.write(32, 2);
  auto spans = collect(reader);
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].begin == ring.data.data());
  CHECK(spans[0].stream == 7);
  CHECK(spans[0].position == 0);
  CHECK(fills(spans) == std::vector<uint8_t>{1, 2});
  CHECK(collect(reader).empty());
  ring.write(16, 3);
  spans = collect(reader);
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].position == 96);
  CHECK(reader.lent_bytes() == 112);
}

TEST_CASE("space goes back only by release, and never backwards") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.write(64, 1);
  ring.write(64, 2);
  collect(reader);
  CHECK(ring.control.data_tail == 0);
  reader.release(64);
  CHECK(ring.control.data_tail == 64);
  reader.release(0);
  CHECK(ring.control.data_tail == 64);
  reader.release(1u << 20);
  CHECK(ring.control.data_tail == 128);
}

TEST_CASE("a record across the seam is joined between two spans") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  for (int i = 0; i < 4; ++i) ring.write(1000, 9);
  collect(reader);
  reader.release(4000);
  ring.write(56, 1);
  ring.write(104, 2);  // 4056 .. 4160: 40 bytes before the seam, 64 after it
  ring.write(48, 3);
  const auto spans = collect(reader);
  REQUIRE(spans.size() == 3);
  CHECK(spans[0].position == 4000);
  CHECK(spans[1].position == 4056);
  CHECK(spans[2].position == 4160);
  CHECK(size_of(spans[1]) == 104);
  CHECK(spans[2].begin == ring.data.data() + 64);
  CHECK(fills(spans) == std::vector<uint8_t>{1, 2, 3});
}

TEST_CASE("a record that ends at the seam needs no joining") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  for (int i = 0; i < 4; ++i) ring.write(1000, 9);
  collect(reader);
  reader.release(4000);
  ring.write(96, 1);
  ring.write(24, 2);
  const auto spans = collect(reader);
  REQUIRE(spans.size() == 2);
  CHECK(size_of(spans[0]) == 96);
  CHECK(spans[1].position == 4096);
  CHECK(spans[1].begin == ring.data.data());
  CHECK(fills(spans) == std::vector<uint8_t>{1, 2});
}

TEST_CASE("a full ring is lent as a whole, and again after release") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.write(40, 9);
  collect(reader);
  reader.release(40);
  uint8_t next = 0;
  while (ring.write(104, next)) ++next;
  CHECK(next == 39);
  auto spans = collect(reader);
  CHECK(fills(spans).size() == next);
  CHECK(collect(reader).empty());
  CHECK(!ring.write(104, 1));
  reader.release(spans.back().position + size_of(spans.back()));
  CHECK(reader.lent_bytes() == 0);
  CHECK(ring.write(104, 77));
  CHECK(fills(collect(reader)) == std::vector<uint8_t>{77});
}

TEST_CASE("ten thousand records of all sizes pass a small ring unharmed") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  uint32_t written = 0;
  uint32_t seen = 0;
  uint64_t position = 0;
  while (written < 10000) {
    for (int i = 0; i < 7; ++i) {
      const auto size = static_cast<uint16_t>(16 + 8 * (written * 13 % 40));
      if (ring.write(size, static_cast<uint8_t>(written))) ++written;
    }
    const auto spans = collect(reader);
    for (const uint8_t fill : fills(spans)) {
      REQUIRE(fill == static_cast<uint8_t>(seen));
      ++seen;
    }
    for (const Span& span : spans) {
      REQUIRE(span.position == position);
      position += size_of(span);
    }
    if (seen % 3 == 0 || reader.lent_bytes() > 2048) reader.release(position);
  }
  CHECK(seen == written);
}

TEST_CASE("after a damaged record the ring goes on at its head") {
  const uint16_t size = GENERATE(uint16_t{0}, uint16_t{4}, uint16_t{20}, uint16_t{4000});
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.write(64, 1);
  ring.put(header_of_size(size));
  ring.write(64, 2);
  auto spans = collect(reader, 80);
  CHECK(fills(spans) == std::vector<uint8_t>{1});
  CHECK(ring.control.data_tail == 0);
  reader.release(64);
  CHECK(ring.control.data_tail == 144);  // the hole goes back with what was before it
  ring.write(64, 3);
  CHECK(fills(collect(reader)) == std::vector<uint8_t>{3});
}

TEST_CASE("a hole with nothing lent before it goes back at once") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.put(header_of_size(0));
  collect(reader, 16);
  CHECK(ring.control.data_tail == 16);
}

TEST_CASE("holes that follow one another while bytes are lent are one hole") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.write(64, 1);
  ring.put(header_of_size(0));
  collect(reader, 16);
  ring.put(header_of_size(4));
  collect(reader, 16);
  reader.release(64);
  CHECK(ring.control.data_tail == 96);
}

TEST_CASE("a head that ran over the tail skips everything") {
  FakeRing ring(4096);
  RingReader reader(ring.pages, 0);
  ring.control.data_head = 3 * 4096;
  collect(reader, 3 * 4096);
  CHECK(ring.control.data_tail == 3 * 4096);
  ring.write(64, 5);
  CHECK(fills(collect(reader)) == std::vector<uint8_t>{5});
}
