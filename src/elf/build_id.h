#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace oc::elf {

/// The build id among ELF notes (type NT_GNU_BUILD_ID, owner "GNU"); empty when there is none. `alignment` of
/// names and descriptors: 4, or 8 in segments that say so.
std::vector<uint8_t> find_build_id_note(std::span<const uint8_t> notes, uint64_t alignment = 4);

/// Where an ELF file's bytes come from.
class ElfBytes {
 public:
  virtual ~ElfBytes() = default;
  /// Fills `bytes` from `offset`; false when they are not all there.
  virtual bool read(uint64_t offset, std::span<uint8_t> bytes) const = 0;
};

/// The build id of an ELF file of this machine's byte order; empty when it has none, or is no ELF file. Reads
/// its header, the program headers and note segments, at most 1 MiB in all.
/// Source: /usr/include/elf.h.
std::vector<uint8_t> find_build_id(const ElfBytes& file);
/// The same for an open file.
std::vector<uint8_t> load_build_id(int fd);
/// The same for a whole file in memory.
std::vector<uint8_t> find_build_id(std::span<const uint8_t> file);

}  // namespace oc::elf
