#include "elf/debug_data.h"

#include <lzma.h>

#include <algorithm>

#include "elf/packed.h"

namespace oc::elf {
namespace {

using base::Code;
using base::make_error;

}  // namespace

base::Result<std::optional<File>> load_mini_debug(File& file) {
  const Section* section = file.find_section(".gnu_debugdata");
  if (section == nullptr) return std::optional<File>();
  const std::string name = file.name() + " (.gnu_debugdata)";
  const auto packed = file.raw_bytes(*section);
  std::vector<uint8_t> bytes;
  if (const auto problem = unpack(packed, bytes); !problem.empty())
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
