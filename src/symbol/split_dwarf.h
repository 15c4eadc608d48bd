#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elf/file.h"

namespace oc::symbol {

/// Where the other halves of a file's units are looked for (gcc and clang -gsplit-dwarf).
struct SplitPlaces {
  std::string root;                   ///< every path that the compiler told lies below it
  std::vector<std::string> packages;  ///< .dwp files, before the .dwo files
};

/// The half of a unit that lies in a .dwo file, or in a .dwp file with those of other units: its entries. Its lines and its
/// ranges stay in the program.
///
///     program   .debug_info: skeleton (name of the .dwo, id)   .debug_addr  .debug_line
///     a.dwo     .debug_info.dwo  .debug_abbrev.dwo  .debug_str.dwo  .debug_str_offsets.dwo  .debug_rnglists.dwo
///     a.dwp     the same of many units  .debug_cu_index: id → place of its piece in each section
///
/// libdw links both halves by itself only where it finds the .dwo file, and reads no .dwp: so the pieces are put together
/// into one file in memory, under the names that they have in whole files.
/// Source: DWARF 5 (2017), sections 3.1.2, 7.3.5; of version 4 https://gcc.gnu.org/wiki/DebugFission.
class SplitUnit {
 public:
  ~SplitUnit();

  Dwarf* dwarf() const { return dwarf_; }
  const Dwarf_Die& root() const { return root_; }
  std::span<const uint8_t> info() const { return info_; }
  std::span<const uint8_t> abbreviations() const { return abbreviations_; }
  /// Of ranges that are told without one: where the unit begins, which only the program knows.
  uint64_t base() const { return base_; }
  /// The file that it is out of.
  const std::string& name() const { return name_; }

 private:
  friend class SplitFiles;
  explicit SplitUnit(elf::File file) : file_(std::move(file)) {}

  elf::File file_;
  Dwarf* dwarf_ = nullptr;
  Dwarf_Die root_{};
  std::span<const uint8_t> info_, abbreviations_;
  uint64_t base_ = 0;
  std::string name_;
};

/// Where one program's units have their other halves. A .dwp is opened once; of the strings in it, which are those of all
/// units, a unit gets its own. What all units together may copy is bounded: those beyond have lines only.
class SplitFiles {
 public:
  /// `program` outlives the object.
  SplitFiles(SplitPlaces places, elf::File& program);
  ~SplitFiles();
  /// Every unit that is in two halves, before the first is loaded: where one's addresses begin, another's end.
  void add(Dwarf_Die skeleton);
  /// The unit of this skeleton; null: `problem` says why.
  std::unique_ptr<SplitUnit> load(Dwarf_Die skeleton, std::string& problem);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oc::symbol
