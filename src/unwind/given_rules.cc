#include "unwind/given_rules.h"

namespace oc::unwind {

void GivenRules::add(uint64_t start, uint64_t size_bytes, const Rule& rule) {
  const uint64_t end = start + size_bytes;
  if (end <= start) return;
  auto at = ranges_.lower_bound(start);
  if (at != ranges_.begin() && std::prev(at)->second.end > start) {
    Range& before = std::prev(at)->second;
    if (before.end > end) ranges_.emplace(end, before);  // its rest
    before.end = start;
  }
  at = ranges_.lower_bound(start);
  while (at != ranges_.end() && at->first < end) {
    if (at->second.end > end) ranges_.emplace(end, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace(start, Range{end, rule});
}

const Rule* GivenRules::find(uint64_t offset) const {
  const auto after = ranges_.upper_bound(offset);
  if (after == ranges_.begin()) return nullptr;
  const Range& range = std::prev(after)->second;
  return offset < range.end ? &range.rule : nullptr;
}

}  // namespace oc::unwind
