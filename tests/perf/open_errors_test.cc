#include "perf/open_errors.h"

#include <errno.h>
#include <linux/perf_event.h>

#include <catch2/catch.hpp>

using namespace oc::perf;
using Catch::Matchers::Contains;
using oc::base::Code;

namespace {

EventRequest request(const char* name, uint32_t type) {
  EventRequest event;
  event.name = name;
  event.type = type;
  return event;
}

}  // namespace

TEST_CASE("a refusal tells the setting and the command that changes it") {
  oc::sys::Permissions nobody;
  const auto wide =
      explain_open_error(EACCES, request("cpu-clock", PERF_TYPE_SOFTWARE), true, nobody);
  CHECK(wide.code == Code::kPermission);
  CHECK(wide.what == "cannot open event 'cpu-clock' system-wide: Permission denied");
  CHECK_THAT(wide.hint, Contains("kernel.perf_event_paranoid=0"));
  const auto own = explain_open_error(EACCES, request("cs", PERF_TYPE_SOFTWARE), false, nobody);
  CHECK_THAT(own.hint, Contains("kernel.perf_event_paranoid=1"));
  nobody.perf_event_paranoid = 3;  // Debian: nothing at all
  const auto own_nothing =
      explain_open_error(EACCES, request("cpu-clock", PERF_TYPE_SOFTWARE), false, nobody);
  CHECK_THAT(own_nothing.hint, Contains("kernel.perf_event_paranoid=2"));
  CHECK_THAT(own_nothing.hint, Contains("oc doctor"));
  const auto raw =
      explain_open_error(EPERM, request("sched:sched_switch", PERF_TYPE_TRACEPOINT), false, nobody);
  CHECK_THAT(raw.hint, Contains("kernel.perf_event_paranoid=-1"));
}

TEST_CASE("a machine without counters is told to use cpu-clock") {
  const auto error = explain_open_error(ENOENT, request("cycles", PERF_TYPE_HARDWARE), true, {});
  CHECK(error.code == Code::kNotFound);
  CHECK_THAT(error.hint, Contains("virtual machine") && Contains("cpu-clock"));
}

TEST_CASE("too high a frequency is told with both numbers") {
  EventRequest event = request("cpu-clock", PERF_TYPE_SOFTWARE);
  event.frequency_hz = 200000;
  const auto error = explain_open_error(EINVAL, event, false, {});
  CHECK_THAT(error.what, Contains("200000 Hz") && Contains("100000"));
  CHECK_THAT(error.hint, Contains("perf_event_max_sample_rate"));
}

TEST_CASE("the lock limit is told with its two parts") {
  oc::sys::Permissions nobody;
  nobody.memlock_bytes = 8u << 20;
  const auto error = explain_map_error(EPERM, 16u << 20, 2, nobody);
  CHECK_THAT(error.what, Contains("16 MiB on 2 CPUs"));
  CHECK_THAT(error.hint, Contains("516 KiB") && Contains("8192 KiB") && Contains("ulimit -l"));
  nobody.has_ipc_lock = true;
  CHECK_THAT(explain_map_error(ENOMEM, 64u << 10, 2, nobody).hint, Contains("not enough memory"));
}
