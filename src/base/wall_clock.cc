#include "base/wall_clock.h"

#include "base/clock.h"

namespace oc::base {

int64_t wall_clock_offset() {
  constexpr int kLooks = 5;
  Nanos least = UINT64_MAX;
  int64_t offset = 0;
  for (int i = 0; i < kLooks; ++i) {
    const Nanos before = now_of(CLOCK_MONOTONIC);
    const Nanos wall = now_of(CLOCK_REALTIME);
    const Nanos took = now_of(CLOCK_MONOTONIC) - before;
    if (took >= least) continue;
    least = took;
    offset = static_cast<int64_t>(wall - before);
  }
  return offset;
}

}  // namespace oc::base
