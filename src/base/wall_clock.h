#pragma once

#include <cstdint>

namespace oc::base {

/// What to add to CLOCK_MONOTONIC for CLOCK_REALTIME, ns: the best of a few looks, each between two of the other clock.
int64_t wall_clock_offset();

}  // namespace oc::base
