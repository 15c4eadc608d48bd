#include "symbol/segments.h"

#include <algorithm>
#include <queue>

namespace oc::symbol {

void Segments::add(uint64_t begin, uint32_t index) {
  if (!begins_.empty() && begins_.back() == begin) {
    seen_.back() = index;  // what began here is covered from its first byte on
    if (seen_.size() > 1 && seen_[seen_.size() - 2] == index) {
      begins_.pop_back();
      seen_.pop_back();
    }
    return;
  }
  if (!seen_.empty() && seen_.back() == index) return;
  begins_.push_back(begin);
  seen_.push_back(index);
}

Segments::Segments(std::vector<Range> ranges) {
  std::erase_if(ranges, [](const Range& range) { return range.begin >= range.end; });
  const auto earlier = [](const Range& a, const Range& b) { return a.begin < b.begin; };
  if (!std::is_sorted(ranges.begin(), ranges.end(), earlier))
    std::stable_sort(ranges.begin(), ranges.end(), earlier);
  begins_.reserve(ranges.size() + ranges.size() / 8);
  seen_.reserve(begins_.capacity());
  // Those that reach beyond the place where the sweep is; the top one is seen. What has ended is dropped when it
  // comes to the top.
  const auto lower = [](const Range& a, const Range& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.begin < b.begin;
  };
  std::priority_queue<Range, std::vector<Range>, decltype(lower)> open(lower);
  const auto close_until = [&](uint64_t place) {
    while (!open.empty() && open.top().end <= place) {
      const uint64_t end = open.top().end;
      while (!open.empty() && open.top().end <= end) open.pop();
      add(end, open.empty() ? kNothing : open.top().index);
    }
  };
  for (const Range& range : ranges) {
    close_until(range.begin);
    open.push(range);
    add(range.begin, open.top().index);
  }
  close_until(~uint64_t{0});
}

uint32_t Segments::find(uint64_t address) const {
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), address);
  return after == begins_.begin() ? kNothing
                                  : seen_[static_cast<size_t>(after - begins_.begin()) - 1];
}

uint32_t Segments::Walk::find(uint64_t address) {
  const auto& begins = segments_.begins_;
  if (begins.empty() || address < begins[0]) return kNothing;
  if (address < begins[at_]) at_ = 0;
  size_t step = 1;  // a few segments on, mostly
  while (at_ + step < begins.size() && begins[at_ + step] <= address) step *= 2;
  const auto from = begins.begin() + static_cast<std::ptrdiff_t>(at_);
  const auto to = begins.begin() + static_cast<std::ptrdiff_t>(std::min(at_ + step, begins.size()));
  at_ = static_cast<size_t>(std::upper_bound(from, to, address) - begins.begin()) - 1;
  return segments_.seen_[at_];
}

}  // namespace oc::symbol
