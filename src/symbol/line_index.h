#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "elf/file.h"
#include "symbol/split_dwarf.h"

namespace oc::symbol {

/// A function in the source, and where in it an address is.
struct SourceCall {
  std::string_view function;  ///< its linkage name, else its name; "": not known
  std::string_view file;      ///< "": not known
  uint32_t line = 0;          ///< 0: not known
};

/// Source lines and inlined calls of one file, from its DWARF (2 to 5), as addr2line -i tells them.
///
/// Of a unit nothing but its address ranges is read until an address falls into it. Then its entries are walked once, and
/// the ranges of functions and of calls inlined there become disjoint segments:
///
///     main            |-----------------------------|      find(a): node `push` at line 12 of list.h (line table),
///       inlined sort      |----------------|                        its parent `sort`, called from … (call_file, call_line),
///         inlined push        |-a--|                                its parent `main`, …
///     segments        |mai|sor|push|  sort |  main  |
///
/// libdw reads the bytes. It is not safe for threads: one index is used by one thread at a time, and its files by nobody
/// else meanwhile. Of units whose other half is in a .dwo or .dwp file, that is looked for; without it they have lines only.
class LineIndex {
 public:
  /// `file` has .debug_info or .debug_line; `alt` (made by dwz) may be null. Both outlive the index.
  LineIndex(elf::File& file, elf::File* alt, SplitPlaces split = {});
  ~LineIndex();

  static bool has_lines(const elf::File& file);

  /// Appends the calls at an address as linked, the innermost first; nothing where no unit tells. Views are owned by the
  /// index.
  void find(uint64_t address, std::vector<SourceCall>& calls);

  /// Which unit tells about this address; ~0: none.
  uint32_t unit_at(uint64_t address) const;

  size_t units() const;
  size_t split_units() const;
  /// The file with the other half of the first of those; else `problem` says why there is none.
  std::string find_split(std::string& problem);
  /// Units that could not be read, or whose entries go on without end.
  size_t bad_units() const;

 private:
  struct Unit;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oc::symbol
