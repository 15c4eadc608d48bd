#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "elf/file.h"
#include "symbol/name_source.h"
#include "symbol/segments.h"

namespace oc::symbol {

/// The functions of one ELF file, from all tables that name them: .symtab of the file, else of its separate debug
/// file; .gnu_debugdata; .dynsym; the PLT. Sorted; names stay where they lie in the files, which outlive the table.
///
/// Of several names for one place one is chosen, as perf does (tools/perf/util/symbol.c, symbols__fixup_duplicate):
/// with a size rather than without, not weak, global, fewer leading underscores, the longest; of those without size
/// (all of the kernel's) the last one listed. A symbol without size
/// reaches up to the next one, but never over one that has a size. Reading does not change it: any thread.
class SymbolTable {
 public:
  struct Symbol {
    uint64_t start =
        0;  ///< address as linked; in relocatable files (ET_REL) the offset in the file
    uint32_t size_bytes = 0;  ///< 0 is what the table says: a label
    uint32_t name = 0;        ///< offset in its text
    uint8_t text = 0;         ///< which of the texts
    uint8_t binding = 0;      ///< STB_*
    NameSource source = NameSource::kNone;
  };

  SymbolTable() = default;
  SymbolTable(SymbolTable&&) = default;  // a copy's views would lead into the other's names
  SymbolTable& operator=(SymbolTable&&) = default;
  /// Null: there is none.
  SymbolTable(elf::File* file, elf::File* debug, elf::File* mini);
  /// From one list: `names` outlives the table, `Symbol::name` are offsets of C strings in it.
  SymbolTable(std::vector<Symbol> symbols, std::span<const uint8_t> names);

  /// By address, equal ones in the order that they have: what is sorted already costs nothing more in a table.
  static void sort(std::span<Symbol> symbols);

  /// What covers this address; null when nothing does. Owned by the table.
  const Symbol* find(uint64_t address) const {
    return are_labels_ ? find_label(address) : symbol_at(segments_.find(address));
  }
  /// Owned by the table's files.
  std::string_view name(const Symbol& symbol) const;
  /// By address; of one place only the chosen name.
  std::span<const Symbol> symbols() const { return symbols_; }
  /// How many places this source has named.
  size_t count(NameSource source) const;
  uint64_t size_bytes() const;

  /// Finds addresses that mostly ascend.
  class Walk {
   public:
    explicit Walk(const SymbolTable& table) : table_(table), walk_(table.segments_) {}
    const Symbol* find(uint64_t address) {
      return table_.are_labels_ ? table_.find_label(address)
                                : table_.symbol_at(walk_.find(address));
    }

   private:
    const SymbolTable& table_;
    Segments::Walk walk_;
  };

 private:
  class Reader;

  const Symbol* symbol_at(uint32_t index) const {
    return index == Segments::kNothing ? nullptr : &symbols_[index];
  }
  const Symbol* find_label(uint64_t address) const;
  void choose();
  void lay_out(std::span<const uint64_t> section_ends);

  static constexpr size_t kTexts = 5;
  std::vector<Symbol> symbols_;
  Segments segments_;
  bool are_labels_ =
      false;  ///< all of them, as of a kernel: each reaches to the next, and there are no segments
  uint64_t labels_end_ = 0;
  std::array<std::span<const uint8_t>, kTexts> texts_;
  std::vector<uint8_t> made_;  ///< names that no file holds: of the PLT
};

}  // namespace oc::symbol
