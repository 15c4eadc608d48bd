// A perf.data file of any bytes, opened and decoded to its end; see support/exercise_trace.h.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "fuzz/target.h"
#include "source/recorded_trace.h"
#include "support/exercise_trace.h"

FUZZ_TARGET(perf_data, data, size) {
  const auto trace =
      oc::source::RecordedTrace::load("fuzz", oc::base::Mapping::lend(std::span(data, size)));
  if (!trace) {
    if (trace.error().what.empty()) std::abort();
    return 0;
  }
  oc::test::exercise(**trace);
  return 0;
}
