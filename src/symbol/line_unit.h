#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbol/line_index.h"
#include "symbol/segments.h"
#include "symbol/split_dwarf.h"

namespace oc::symbol {

/// A function of a unit, or a call that was put into one.
struct InlineNode {
  Dwarf_Die entry{};
  uint32_t caller = Segments::kNothing;  ///< index of a node; kNothing: it is a function of its own
  uint32_t call_file = 0;                ///< of the unit's files
  uint32_t call_line = 0;
  uint32_t depth = 0;     ///< how many callers it has
  bool has_name = false;  ///< `name` was looked for
  std::string_view name;
};

/// One compilation unit, read as a whole.
class LineUnit {
 public:
  /// `root`: the unit's first entry. `info` and `abbreviations`: the sections, which outlive the object.
  LineUnit(Dwarf* dwarf, Dwarf_Die root, std::span<const uint8_t> info,
           std::span<const uint8_t> abbreviations)
      : dwarf_(dwarf), root_(root), info_(info), abbreviations_(abbreviations) {}

  /// Its entries are in this other half. Before `load`.
  void use_split(std::unique_ptr<SplitUnit> split) { split_ = std::move(split); }
  /// Reads entries and lines; false when some of them could not be read.
  bool load();
  void find(uint64_t address, std::vector<SourceCall>& calls);

 private:
  struct Row {
    uint64_t address = 0;
    uint32_t line = 0;
    uint32_t file = 0;  ///< of `files_`; kNothing: the rows before it end here
  };

  bool load_lines();
  bool walk();
  uint32_t add_node(uint64_t offset, bool is_inlined, uint32_t caller, std::vector<Range>& ranges);
  std::string_view name_of(InlineNode& node);
  std::string_view file_of(uint32_t index);
  std::string whole_path(const char* name) const;
  const Row* find_row(uint64_t address) const;

  Dwarf* dwarf_;
  Dwarf_Die root_;
  std::unique_ptr<SplitUnit> split_;  ///< null: entries are here, or nowhere
  std::span<const uint8_t> info_, abbreviations_;
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
