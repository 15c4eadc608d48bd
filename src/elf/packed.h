#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace oc::elf {

/// Whether bytes begin as those that xz or zstd packed, as kernel modules often are (.ko.xz, .ko.zst).
bool is_packed(std::span<const uint8_t> bytes);

/// Unpacks to the end of the first stream; the problem in words, or "". At most 1 GiB.
std::string unpack(std::span<const uint8_t> packed, std::vector<uint8_t>& out);

}  // namespace oc::elf
