#include "elf/packed.h"

#include <lzma.h>

#include <algorithm>
#include <array>

#include "base/zstd_decoder.h"

namespace oc::elf {
namespace {

constexpr std::array<uint8_t, 6> kXz{0xfd, '7', 'z', 'X', 'Z', 0};
constexpr std::array<uint8_t, 4> kZstd{0x28, 0xb5, 0x2f, 0xfd};

template <typename Magic>
bool begins(std::span<const uint8_t> bytes, const Magic& magic) {
  return bytes.size() > magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

constexpr uint64_t kMostUnpackedBytes = uint64_t{1} << 30;
constexpr uint64_t kMostMemory = uint64_t{256} << 20;  ///< xz -9 needs 65 MiB

/// Decompresses to the end of the first xz stream; an empty text is success.
std::string unpack_xz(std::span<const uint8_t> packed, std::vector<uint8_t>& out) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMostMemory, 0) != LZMA_OK) return "there is no memory";
  stream.next_in = packed.data();
  stream.avail_in = packed.size();
  lzma_ret state = LZMA_OK;
  while (state == LZMA_OK) {
    const size_t used = out.size();
    if (used >= kMostUnpackedBytes) break;
    out.resize(std::min<uint64_t>(kMostUnpackedBytes,
                                  std::max<size_t>(used * 2, packed.size() * 4 + 4096)));
    stream.next_out = out.data() + used;
    stream.avail_out = out.size() - used;
    state = lzma_code(&stream, LZMA_FINISH);
    out.resize(out.size() - stream.avail_out);
  }
  lzma_end(&stream);
  if (state == LZMA_STREAM_END) return {};
  if (state == LZMA_OK) return "it is larger than 1 GiB";
  if (state == LZMA_MEMLIMIT_ERROR) return "it needs more than 256 MiB to decompress";
  return state == LZMA_BUF_ERROR ? "it is cut off" : "it is damaged";
}

std::string unpack_zstd(std::span<const uint8_t> packed, std::vector<uint8_t>& out) {
  base::ZstdDecoder decoder;
  decoder.feed(packed);
  for (;;) {
    const auto more = decoder.produce(out);
    if (!more) return more.error().what;
    if (!*more) return {};
    if (out.size() > kMostUnpackedBytes) return "it is larger than 1 GiB";
  }
}

}  // namespace

bool is_packed(std::span<const uint8_t> bytes) {
  return begins(bytes, kXz) || begins(bytes, kZstd);
}

std::string unpack(std::span<const uint8_t> packed, std::vector<uint8_t>& out) {
  return begins(packed, kZstd) ? unpack_zstd(packed, out) : unpack_xz(packed, out);
}

}  // namespace oc::elf
