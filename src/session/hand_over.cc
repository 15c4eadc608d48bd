#include "session/hand_over.h"

#include <algorithm>

namespace oc::session {

bool HandOver::tells(const Sample& sample, bool is_newer) {
  Single& single = singles_[sample.cpu];
  const bool is_other_half = single.is_there && single.is_newer != is_newer &&
                             single.tid == sample.tid &&
                             std::equal(single.payload.begin(), single.payload.end(),
                                        sample.payload.begin(), sample.payload.end());
  // The first half was told if it was on its side of `at`.
  const bool was_told = single.is_told;
  if (is_other_half) {
    single.is_there = false;
    return !was_told;
  }
  // Before that an older one has no other half: the next one that looks like it is another event.
  single.is_there = is_newer || sample.time >= from_;
  single.is_newer = is_newer;
  single.tid = sample.tid;
  single.payload.assign(sample.payload.begin(), sample.payload.end());
  single.is_told = is_newer == (sample.time >= at_);
  return single.is_told;
}

void HandOvers::add(HandOver over, base::Nanos end) {
  entries_.push_back({std::move(over), end});
  find_roles();
}

bool HandOvers::has(uint32_t kind) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.over.kind() == kind; });
}

bool HandOvers::tells(const HandOver::Sample& sample) {
  const auto found = roles_.find(sample.id);
  if (found == roles_.end()) return true;
  const Roles& roles = found->second;
  return (roles.as_newer == nullptr || roles.as_newer->tells(sample, true)) &&
         (roles.as_older == nullptr || roles.as_older->tells(sample, false));
}

bool HandOvers::forget_before(base::Nanos time) {
  const auto forgotten = entries_.remove_if([&](const Entry& entry) { return entry.end < time; });
  if (forgotten != 0) find_roles();
  return forgotten != 0;
}

void HandOvers::find_roles() {
  roles_.clear();
  for (auto& [over, end] : entries_) {
    for (const uint64_t id : over.newer()) roles_[id].as_newer = &over;
    for (const uint64_t id : over.older()) roles_[id].as_older = &over;
  }
}

}  // namespace oc::session
