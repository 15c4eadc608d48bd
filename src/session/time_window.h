#pragma once

#include <cstdint>
#include <string>

#include "base/id.h"
#include "session/batch.h"
#include "source/window.h"

namespace oc::session {

/// One end of a stretch of time, as a user gives it.
struct TimeBound {
  enum class Of : uint32_t {
    kOpen,           ///< no bound
    kBeginning,      ///< ns since the trace began: what a script sees as e.time
    kEnd,            ///< ns before the last sample
    kClock,          ///< ns of the trace's own clock: what perf script prints
    kPercent,        ///< of the time from the first sample to the last, in millionths of a percent
    kBeforePercent,  ///< 1 ns before that: both ends belong to a window, slices share nothing
  };
  Of of = Of::kOpen;
  uint64_t value = 0;
};

/// The part of a recorded trace that is asked for; both ends belong to it.
struct TimeWindow {
  TimeBound from, to;
  /// One of several that cover a trace, which are read apart and added up. What has no time belongs to the first where
  /// the trace begins, else to the last one; what was lost is counted of all that is read, as the last one reads all.
  bool is_slice = false;

  bool is_all() const { return from.of == TimeBound::Of::kOpen && to.of == TimeBound::Of::kOpen; }
  /// True when placing it takes the times of the first and the last sample.
  bool needs_samples() const { return is_of_samples(from.of) || is_of_samples(to.of); }

 private:
  static bool is_of_samples(TimeBound::Of of) {
    return of == TimeBound::Of::kEnd || of == TimeBound::Of::kPercent ||
           of == TimeBound::Of::kBeforePercent;
  }
};

/// What a window is measured by: times of the trace's clock. The samples' are only needed by some.
struct TimeMarks {
  base::Nanos beginning = 0;  ///< where e.time is 0
  base::Nanos first_sample = 0;
  base::Nanos last_sample = 0;
};

/// The window on the trace's clock. One that ends before it begins has no width but its first instant.
source::Window place(const TimeWindow& window, const TimeMarks& marks);

/// A sentence when no part of the trace lies in the window that was asked for; empty otherwise.
/// `counts` are those of the whole run.
std::string describe_miss(const TimeWindow& asked, const Counts& counts);

}  // namespace oc::session
