#include "session/hand_over.h"

#include <algorithm>

namespace oc::session {

bool HandOver::tells(const Sample& sample) {
  const auto has = [&](const std::vector<uint64_t>& ids) {
    return std::find(ids.begin(), ids.end(), sample.id) != ids.end();
  };
  const bool is_newer = has(newer_);
  if (!is_newer && !has(older_)) return true;
  return tells(sample, is_newer, singles_[sample.cpu]);
}

bool HandOver::tells(const Sample& sample, bool is_newer, Single& single) const {
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

}  // namespace oc::session
