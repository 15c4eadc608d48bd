#include "format/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <new>

#include "base/zstd_decoder.h"

namespace oc::format {

namespace {

constexpr size_t kStep = 256 << 10;

base::Error too_large(uint64_t limit_bytes) {
  return base::make_error(
      base::Code::kUnsupported,
      "it unpacks to more than " + std::to_string(limit_bytes >> 20) + " MiB",
      "if that is right, unpack it first: files that are not packed have no limit");
}

struct Inflater {
  z_stream stream{};
  Inflater() {
    constexpr int kGzipWindow = 15 + 16;
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

/// What follows a member and is none itself is padding, as gzip has it.
base::Result<Unpacked> gunzip(std::span<const uint8_t> packed, uint64_t limit_bytes) {
  Unpacked unpacked;
  Inflater inflater;
  z_stream& stream = inflater.stream;
  int status = Z_OK;
  for (;;) {
    if (stream.avail_in == 0) {
      const size_t piece = std::min<size_t>(packed.size(), 1u << 30);
      stream.next_in = const_cast<uint8_t*>(packed.data());
      stream.avail_in = static_cast<uInt>(piece);
      packed = packed.subspan(piece);
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in < 2 || stream.next_in[0] != 0x1f || stream.next_in[1] != 0x8b) break;
      inflateReset(&stream);
    }
    const size_t before = unpacked.bytes.size();
    unpacked.bytes.resize(before + kStep);
    stream.next_out = unpacked.bytes.data() + before;
    stream.avail_out = kStep;
    status = inflate(&stream, Z_NO_FLUSH);
    const size_t made = kStep - stream.avail_out;
    unpacked.bytes.resize(before + made);
    if (unpacked.bytes.size() > limit_bytes) return too_large(limit_bytes);
    const bool is_out = made == 0 && stream.avail_in == 0 && packed.empty();
    if (status == Z_STREAM_END) continue;
    if ((status != Z_OK && status != Z_BUF_ERROR) || is_out) {
      unpacked.is_cut = true;
      break;
    }
  }
  return unpacked;
}

/// The decoder takes what comes; whether a frame's end is missing its size tells.
bool ends_in_a_frame(std::span<const uint8_t> packed) {
  while (!packed.empty()) {
    const size_t size = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
    if (ZSTD_isError(size) != 0 || size > packed.size()) return true;
    packed = packed.subspan(size);
  }
  return false;
}

base::Result<Unpacked> unzstd(std::span<const uint8_t> packed, uint64_t limit_bytes) {
  Unpacked unpacked;
  base::ZstdDecoder decoder;
  decoder.feed(packed);
  for (;;) {
    const auto more = decoder.produce(unpacked.bytes);
    if (!more) {
      unpacked.is_cut = true;
      return unpacked;
    }
    if (unpacked.bytes.size() > limit_bytes) return too_large(limit_bytes);
    if (!*more) break;
  }
  unpacked.is_cut = ends_in_a_frame(packed);
  return unpacked;
}

}  // namespace

Compression compression_of_bytes(std::span<const uint8_t> bytes) {
  if (bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) return Compression::kGzip;
  constexpr uint8_t kZstdMagic[] = {0x28, 0xb5, 0x2f, 0xfd};
  if (bytes.size() >= 4 && std::equal(kZstdMagic, kZstdMagic + 4, bytes.begin())) {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

base::Result<Unpacked> unpack(std::span<const uint8_t> packed, uint64_t limit_bytes) {
  return compression_of_bytes(packed) == Compression::kGzip ? gunzip(packed, limit_bytes)
                                                            : unzstd(packed, limit_bytes);
}

}  // namespace oc::format
