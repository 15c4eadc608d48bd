#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perf/live_source.h"

namespace oc::test {

/// False, with the reason printed, where this kernel or user refuses perf events.
bool perf_works();

/// The number of a tracepoint, or nothing (with the reason printed) where tracefs is not readable.
std::optional<uint64_t> tracepoint_id(const std::string& system, const std::string& name);

perf::EventRequest cpu_clock(uint64_t frequency_hz);
perf::EventRequest tracepoint(const std::string& system, const std::string& name, uint64_t id);

/// What a run yielded.
struct Seen {
  std::map<std::string, uint64_t> samples;    // by kind
  std::map<uint32_t, uint64_t> records;       // by PERF_RECORD type
  std::map<uint32_t, base::Nanos> last_time;  // by stream
  std::vector<std::string> comms;             // of COMM records
  uint64_t lost = 0;                          // as LOST records say
  uint64_t late = 0;                          // older than a horizon told before
  base::Nanos worst_late = 0;
  uint64_t rounds = 0;
  base::Nanos first = ~base::Nanos{0};
  base::Nanos last = 0;
  uint64_t own_samples = 0;  // of this process
};

/// Starts the source and reads it to its end; asks it to stop after `run_ms` when that is not 0.
/// Checks on the way that every stream is without gaps.
Seen read_all(perf::LiveSource& source, int run_ms = 0);

/// Milliseconds since `since`, by CLOCK_MONOTONIC.
double ms_since(base::Nanos since);
base::Nanos now();

}  // namespace oc::test
