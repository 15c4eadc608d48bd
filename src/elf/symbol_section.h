#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "elf/file.h"

namespace oc::elf {

/// An entry of a symbol table. Source of the layout: /usr/include/elf.h.
struct Symbol {
  uint32_t name = 0;     ///< offset among the names
  uint8_t type = 0;      ///< STT_*
  uint8_t binding = 0;   ///< STB_*
  uint16_t section = 0;  ///< SHN_* or an index
  uint64_t value = 0;
  uint64_t size_bytes = 0;
};

/// .symtab or .dynsym of a file, read where it lies: any class, any byte order. An index or an offset that is not in the
/// file gives an empty entry or text.
class SymbolSection {
 public:
  SymbolSection() = default;
  /// The first section of that type: SHT_SYMTAB or SHT_DYNSYM; without one, it has no entries. Requires: the file
  /// outlives the object.
  SymbolSection(File& file, uint32_t type);
  /// That section, as a relocation section links to it.
  SymbolSection(File& file, const Section& section);

  size_t size() const { return count_; }
  Symbol operator[](size_t index) const;
  std::string_view name(const Symbol& symbol) const { return name(symbol.name); }
  std::string_view name(uint32_t offset) const;
  /// All names, as they lie in the file.
  std::span<const uint8_t> names() const { return names_; }

 private:
  std::span<const uint8_t> entries_;
  std::span<const uint8_t> names_;
  size_t count_ = 0;
  bool is_64_ = true;
  bool is_swapped_ = false;
};

/// An entry of a relocation section.
struct Relocation {
  uint64_t place = 0;  ///< address
  uint32_t symbol = 0;
  uint32_t type = 0;   ///< R_*
  int64_t addend = 0;  ///< 0 in sections of type SHT_REL
};

/// All entries of a section of type SHT_REL or SHT_RELA that lie in the file.
std::vector<Relocation> load_relocations(File& file, const Section& section);

}  // namespace oc::elf
