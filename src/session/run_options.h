#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "perf/target.h"
#include "session/time_window.h"

namespace oc::session {

/// How to run; 0 means unlimited or the default.
struct RunOptions {
  uint64_t max_events = 0;
  base::Nanos max_span = 0;
  TimeWindow window;          ///< recorded only
  uint64_t buffer_bytes = 0;  ///< data ring per CPU, live only
  uint64_t spool_bytes =
      0;  ///< live only: a thread empties the rings into so much memory; 0: none does
  std::vector<std::string> command;  ///< live only; empty: the whole system
  bool is_beside_prompt = false;     ///< lines are typed while the command runs
  double max_overhead = 0;     ///< live only: own CPU time of the machine's, 0 to 1; 0: no limit
  bool starts_paused = false;  ///< live only
  perf::Target target;         ///< of a recorded trace: by process, name and CPU
};

}  // namespace oc::session
