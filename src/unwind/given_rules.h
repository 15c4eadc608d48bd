#pragma once

#include <cstdint>
#include <map>

#include "unwind/rule.h"

namespace oc::unwind {

/// Rules that somebody gives for code of one module, by offset: of a file in the file, of memory addresses. They go
/// before what the file says. A later one takes the place of what it covers.
class GivenRules {
 public:
  /// Only kStack, kFrame and kOutermost. Ranges that are empty or wrap are left out.
  void add(uint64_t start, uint64_t size_bytes, const Rule& rule);
  /// Null: none was given. Owned by the object.
  const Rule* find(uint64_t offset) const;
  bool is_empty() const { return ranges_.empty(); }

 private:
  struct Range {
    uint64_t end = 0;
    Rule rule;
  };
  std::map<uint64_t, Range> ranges_;  ///< by start; they do not overlap
};

}  // namespace oc::unwind
