#pragma once

#include "source/perf_data_file.h"

namespace oc::source {

/// The times of the oldest and the newest sample; 0 when there is none with a time.
struct SampleSpan {
  base::Nanos first = 0;
  base::Nanos last = 0;
};

/// Finds them: in the header, where perf wrote them down (HEADER_SAMPLE_TIME), else by a pass over the
/// headers of all records, as far as they make sense.
SampleSpan find_sample_span(const PerfDataFile& file);

}  // namespace oc::source
