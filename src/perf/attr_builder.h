#pragma once

#include <linux/perf_event.h>

#include <cstdint>

#include "perf/live_request.h"

namespace oc::perf {

/// What all events of one live run have in common.
struct AttrBasis {
  SidebandExtras extras;      ///< those that the kernel gives
  uint32_t wakeup_bytes = 0;  ///< of a data ring; 0: half of it, however large it could be mapped
  bool follows_command = false;  ///< inherit, and enabled by the command's exec
  bool starts_paused = false;    ///< all but the sideband wait for LiveSource::resume
  bool reads_lost = true;        ///< PERF_FORMAT_LOST: Linux 6.0 and later
};

/// The attr of `request`: disabled, CLOCK_MONOTONIC, always IDENTIFIER IP TID TIME CPU PERIOD, so
/// that every kind has the same trailer and, without RAW or ADDR, the same layout.
///
/// PERIOD is more than information: tracepoints with __perf_count (sched:sched_stat_runtime) and
/// period 1 emit one sample per nanosecond without it.
perf_event_attr make_event_attr(const EventRequest& request, const AttrBasis& basis);

/// The dummy that owns a CPU's sideband ring: names, threads and, if asked for, mappings.
/// Takes its sample_type from the first event, so that a table of equal events stays uniform.
perf_event_attr make_sideband_attr(const LiveRequest& request, const AttrBasis& basis);

/// The dummy that owns a CPU's data ring. Switch records go here: they come in storms.
perf_event_attr make_data_attr(const LiveRequest& request, const AttrBasis& basis);

/// Whether samples have registers and stack bytes.
bool has_user_stacks(const LiveRequest& request);
/// Whether these are unwound later, maybe by perf: that needs what else of a file is mapped (.eh_frame), not only its
/// code.
bool keeps_user_stacks(const LiveRequest& request);

/// Whether the event fires in kernel mode only, so that exclude_kernel would make it count nothing.
bool is_kernel_only(const perf_event_attr& attr);

/// "common_pid != 5 && common_pid != 6"; empty for no tids.
std::string make_own_filter(const std::vector<int32_t>& tids);

/// Both must hold; either may be empty.
std::string join_filters(const std::string& own, const std::string& asked);

}  // namespace oc::perf
