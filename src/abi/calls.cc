#include "abi/calls.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/clock.h"

namespace oc::abi {

double process_cpu_ns() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

void begin_run(oc_session* session) {
  session->cpu_ns_at_start = process_cpu_ns();
  session->started_at_ns = static_cast<double>(base::now_of(CLOCK_MONOTONIC));
  session->pause_requests = session->host.pause_requests.load();
}

int fail(oc_session* session, base::Error error) {
  session->failure = std::move(error);
  session->error.code = static_cast<int32_t>(session->failure.code);
  session->error.what = session->failure.what.c_str();
  session->error.hint = session->failure.hint.c_str();
  return -1;
}

uint64_t whole(double value) {
  constexpr double kMost = 4611686018427387904.0;
  return value > 0 ? static_cast<uint64_t>(std::min(value, kMost)) : 0;
}

/// Numbers that stand for no bound are none.
static session::TimeBound bound_of(const oc_time& time) {
  using Of = session::TimeBound::Of;
  if (time.of > static_cast<uint32_t>(Of::kBeforePercent)) return {};
  return {static_cast<Of>(time.of), time.value};
}

session::RunOptions read_run(const oc_session* session, const oc_run* run) {
  session::RunOptions options;
  options.target = session->target;
  options.max_events = whole(run->max_events);
  options.max_span = whole(run->max_span_ns);
  options.window = {bound_of(run->from), bound_of(run->to), run->is_slice != 0};
  options.buffer_bytes = whole(run->buffer_bytes);
  options.spool_bytes = whole(run->spool_bytes);
  options.max_overhead = std::clamp(run->max_overhead, 0.0, 1.0);
  options.starts_paused = run->is_paused != 0;
  for (const char* const* word = run->command; word != nullptr && *word != nullptr; ++word)
    options.command.emplace_back(*word);
  return options;
}

}  // namespace oc::abi
