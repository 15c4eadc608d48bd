#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/live_request.h"
#include "source/feature_writer.h"

namespace oc::session {

/// What a trace says of the machine that it is from: every section that `perf record` writes, as far as /proc and
/// /sys tell. `version`: of this program.
source::FeatureSections load_host_features(const std::string& version);

/// The formats of the tracepoints among `events` as a TRACING_DATA blob; empty when there are none.
std::vector<uint8_t> load_tracing_data(const std::vector<perf::EventRequest>& events);

}  // namespace oc::session
