#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "symbol/segments.h"

namespace oc::symbol {

/// The functions that a compiler inside a process wrote to /tmp/perf-PID.map: lines "START SIZE name", numbers in hex with
/// or without 0x. Where entries overlap, the latest one counts: the file only grows, and code is thrown away without a word.
/// Bad lines are left out and counted. Source: tools/perf/Documentation/jit-interface.txt.
class PerfMap {
 public:
  PerfMap() = default;
  explicit PerfMap(std::string_view text);
  PerfMap(PerfMap&&) = default;  // names of a copy would lie in the other's text
  PerfMap& operator=(PerfMap&&) = default;

  struct Entry {
    uint64_t start = 0;
    uint64_t size_bytes = 0;
    std::string_view name;  ///< owned by the map
  };
  /// Null: nothing is there. Owned by the map.
  const Entry* find(uint64_t address) const;
  size_t size() const { return entries_.size(); }
  size_t skipped() const { return skipped_; }

 private:
  std::vector<char> text_;
  std::vector<Entry> entries_;
  Segments segments_;
  size_t skipped_ = 0;
};

}  // namespace oc::symbol
