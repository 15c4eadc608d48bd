#include "support/code_map.h"

#include <algorithm>

namespace oc::test {

using unwind::CodeRange;

std::optional<CodeRange> CodeMap::find(uint64_t address) {
  auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), address,
      [](uint64_t wanted, const CodeRange& range) { return wanted < range.start; });
  if (after == ranges_.begin() || address >= std::prev(after)->end) return {};
  return *std::prev(after);
}

bool CodeMap::overlaps(uint64_t start, uint64_t end) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const CodeRange& range) {
    return range.start < end && start < range.end;
  });
}

void CodeMap::add(const CodeRange& range) {
  std::vector<CodeRange> kept;
  for (const CodeRange& old : ranges_) {
    CodeRange left = old;
    CodeRange right = old;
    left.end = std::min(old.end, range.start);
    right.start = std::max(old.start, range.end);
    right.file_offset += right.start - old.start;
    if (left.start < left.end) kept.push_back(left);
    if (right.start < right.end) kept.push_back(right);
  }
  kept.push_back(range);
  std::sort(kept.begin(), kept.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.start < b.start; });
  ranges_ = std::move(kept);
}

}  // namespace oc::test
