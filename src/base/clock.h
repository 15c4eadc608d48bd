#pragma once

#include <ctime>

#include "base/id.h"

namespace oc::base {

/// What a clock of the system shows, ns.
inline Nanos now_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<Nanos>(now.tv_sec) * 1'000'000'000u + static_cast<Nanos>(now.tv_nsec);
}

}  // namespace oc::base
