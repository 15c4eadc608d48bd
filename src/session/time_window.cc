#include "session/time_window.h"

#include <fmt/format.h>

#include <algorithm>

namespace oc::session {

using base::Nanos;
using source::Window;

namespace {

Nanos add_up_to_end(Nanos a, Nanos b) { return a + std::min(b, Window::kNoEnd - a); }

/// As perf script --ns prints it.
std::string in_seconds(Nanos time) {
  return fmt::format("{}.{:09}", time / 1'000'000'000, time % 1'000'000'000);
}

/// Percents as perf does it (tools/perf/util/time-utils.c): of the samples' times, rounded.
Nanos place_bound(const TimeBound& bound, const TimeMarks& marks, Nanos open) {
  switch (bound.of) {
    case TimeBound::Of::kOpen:
      break;
    case TimeBound::Of::kBeginning:
      return add_up_to_end(marks.beginning, bound.value);
    case TimeBound::Of::kEnd:
      return marks.last_sample - std::min(bound.value, marks.last_sample);
    case TimeBound::Of::kClock:
      return std::min(bound.value, Window::kNoEnd);
    case TimeBound::Of::kBeforePercent: {
      const Nanos at = place_bound({TimeBound::Of::kPercent, bound.value}, marks, open);
      return at - std::min<Nanos>(at, 1);
    }
    case TimeBound::Of::kPercent: {
      const Nanos span = marks.last_sample - std::min(marks.first_sample, marks.last_sample);
      const double share = static_cast<double>(bound.value) / 1e8 * static_cast<double>(span);
      return add_up_to_end(marks.first_sample, static_cast<Nanos>(share + 0.5));
    }
  }
  return open;
}

}  // namespace

Window place(const TimeWindow& window, const TimeMarks& marks) {
  const Nanos from = place_bound(window.from, marks, 0);
  // What is asked from the beginning on has no bound there: records without a time are in it.
  Window placed{from <= marks.beginning ? 0 : from, place_bound(window.to, marks, Window::kNoEnd)};
  placed.to = std::max(placed.from, placed.to);
  return placed;
}

std::string describe_miss(const TimeWindow& asked, const Counts& counts) {
  if (asked.is_all()) return {};
  if (counts.start_time == 0) {
    return counts.window.from == 0
               ? ""
               : "the records of this trace have no times, so none lies in the "
                 "time that was asked for; oc record and perf record -T record them";
  }
  const bool is_before = counts.window.to < counts.start_time;
  const bool is_after = counts.end_time != 0 && counts.window.from > counts.end_time;
  if (!is_before && !is_after) return {};
  std::string text =
      fmt::format("the time that was asked for lies {} the trace, which begins at {}",
                  is_before ? "before" : "after", in_seconds(counts.start_time));
  if (counts.end_time != 0) text += " and ends at " + in_seconds(counts.end_time);
  const bool is_clock =
      asked.from.of == TimeBound::Of::kClock || asked.to.of == TimeBound::Of::kClock;
  text += is_clock ? " of its clock; a time with a unit, as in 1s, counts from the beginning"
                   : " of its clock";
  return text;
}

}  // namespace oc::session
