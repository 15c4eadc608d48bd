#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbol/line_index.h"
#include "symbol/segments.h"

namespace oc::symbol {

/// A function of a unit, or a call that was put into one.
struct InlineNode {
  Dwarf_Die entry{};
  uint32_t caller = Segments::kNothing;  ///< index of a node; kNothing: it is a function of its own
  uint32_t call_file = 0;                ///< of the unit's files
  uint32_t call_line = 0;
  bool has_name = false;  ///< `name` was looked for
  std::string_view name;
};

/// One compilation unit, read as a whole.
class LineUnit {
 public:
  /// `root`: the unit's first entry.
  explicit LineUnit(Dwarf_Die root) : root_(root) {}

  /// Reads entries and lines; false when some of them could not be read.
  bool load();
  void find(uint64_t address, std::vector<SourceCall>& calls);

 private:
  struct Row {
    uint64_t address = 0;
    uint32_t line = 0;
    uint32_t file = 0;  ///< of `files_`; kNothing: the rows before it end here
  };
  struct Open;

  bool load_lines();
  bool walk();
  void add_node(Dwarf_Die& entry, int tag, Open& level, std::vector<Range>& ranges);
  std::string_view name_of(InlineNode& node);
  std::string_view file_of(uint32_t index);
  std::string whole_path(const char* name) const;
  const Row* find_row(uint64_t address) const;

  Dwarf_Die root_;
  std::string folder_;  ///< where the compiler ran
  std::vector<InlineNode> nodes_;
  Segments segments_;
  std::vector<Row> rows_;
  std::vector<std::string> files_;       ///< of the line table
  std::vector<std::string> call_files_;  ///< of `unit_files_`; "" until it is asked for
  Dwarf_Files* unit_files_ = nullptr;
  size_t unit_file_count_ = 0;
};

}  // namespace oc::symbol
