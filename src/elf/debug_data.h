#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "elf/file.h"

namespace oc::elf {

/// The symbols that distributions leave in stripped programs: an ELF file in the section .gnu_debugdata, compressed by
/// xz. Nothing when there is no such section; an error when it cannot be decompressed, or is larger than 1 GiB.
base::Result<std::optional<File>> load_mini_debug(File& file);

/// What a debug file shares with others, in a file made by dwz: the section .gnu_debugaltlink.
struct DebugAltLink {
  std::string name;
  std::vector<uint8_t> build_id;
};
std::optional<DebugAltLink> find_debug_alt_link(File& file);

/// The checksum that DebugLink holds: CRC-32 of all bytes.
uint32_t debug_checksum(std::span<const uint8_t> bytes);

}  // namespace oc::elf
