#include "elf/debug_data.h"

#include <lzma.h>

#include <algorithm>

namespace oc::elf {
namespace {

using base::Code;
using base::make_error;

constexpr uint64_t kMostBytes = uint64_t{1} << 30;
constexpr uint64_t kMostMemory = uint64_t{256} << 20;  ///< xz -9 needs 65 MiB

/// Decompresses to the end of the first xz stream; an empty text is success.
std::string decompress(std::span<const uint8_t> packed, std::vector<uint8_t>& out) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMostMemory, 0) != LZMA_OK) return "there is no memory";
  stream.next_in = packed.data();
  stream.avail_in = packed.size();
  lzma_ret state = LZMA_OK;
  while (state == LZMA_OK) {
    const size_t used = out.size();
    if (used >= kMostBytes) break;
    out.resize(
        std::min<uint64_t>(kMostBytes, std::max<size_t>(used * 2, packed.size() * 4 + 4096)));
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

}  // namespace

base::Result<std::optional<File>> load_mini_debug(File& file) {
  const Section* section = file.find_section(".gnu_debugdata");
  if (section == nullptr) return std::optional<File>();
  const std::string name = file.name() + " (.gnu_debugdata)";
  const auto packed = file.raw_bytes(*section);
  std::vector<uint8_t> bytes;
  if (const auto problem = decompress(packed, bytes); !problem.empty())
    return make_error(Code::kInvalid, "cannot read the symbols in " + name + ": " + problem);
  bytes.shrink_to_fit();
  auto inner = File::make(std::move(bytes), name);
  if (!inner) return std::move(inner.error());
  return std::optional<File>(std::move(*inner));
}

std::optional<DebugAltLink> find_debug_alt_link(File& file) {
  const Section* section = file.find_section(".gnu_debugaltlink");
  if (section == nullptr) return {};
  const auto content = file.load_bytes(*section);
  const auto end = std::find(content.begin(), content.end(), 0);
  if (end == content.begin() || end == content.end()) return {};
  return DebugAltLink{std::string(content.begin(), end), {end + 1, content.end()}};
}

uint32_t debug_checksum(std::span<const uint8_t> bytes) {
  return lzma_crc32(bytes.data(), bytes.size(), 0);
}

}  // namespace oc::elf
