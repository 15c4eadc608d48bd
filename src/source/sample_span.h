#pragma once

#include "source/perf_data_file.h"

namespace oc::source {

/// The times of the oldest and the newest sample; 0 when there is none with a time.
struct SampleSpan {
  base::Nanos first = 0;
  base::Nanos last = 0;
};

/// Finds them by a pass over the headers of all records, as far as they make sense: for files of which the
/// header does not tell (TraceFacts). Requires: `file.is_plain()`.
SampleSpan find_sample_span(const PerfDataFile& file);

}  // namespace oc::source
