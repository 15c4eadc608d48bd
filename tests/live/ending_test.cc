#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "live/live_support.h"

using namespace oc;
using namespace oc::test;

namespace {

/// Up to `most` tracepoints whose number can be read.
std::vector<perf::EventRequest> many_tracepoints(const std::string& system, size_t most) {
  std::vector<perf::EventRequest> events;
  std::error_code failure;
  const std::string folder = "/sys/kernel/tracing/events/" + system;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    uint64_t id = 0;
    if (events.size() < most && std::ifstream(entry.path() / "id") >> id) {
      events.push_back(tracepoint(system, entry.path().filename(), id));
    }
  }
  return events;
}

struct Times {
  double open = 0;
  double start = 0;
  double close = 0;
};

Times open_start_close(const std::vector<perf::EventRequest>& events) {
  Times times;
  perf::LiveRequest request;
  request.events = events;
  base::Nanos begin = now();
  auto source = perf::LiveSource::open(request);
  if (!source) FAIL(source.error().what);
  times.open = ms_since(begin);
  begin = now();
  REQUIRE((*source)->start());
  times.start = ms_since(begin);
  begin = now();
  source->reset();
  times.close = ms_since(begin);
  return times;
}

/// How long a plain close of these tracepoints takes, without a guardian.
double plain_close_ms(const std::vector<perf::EventRequest>& events) {
  std::vector<base::Fd> fds;
  for (const auto& request : events) {
    perf_event_attr attr = perf::make_event_attr(request, {});
    fds.emplace_back(perf::open_perf_event(attr, -1, 0));
  }
  const base::Nanos begin = now();
  fds.clear();
  return ms_since(begin);
}

}  // namespace

TEST_CASE("ending does not wait for the kernel to close tracepoints") {
  if (!perf_works() || !tracepoint_id("raw_syscalls", "sys_enter")) return;
  const auto few = many_tracepoints("sched", 8);
  const double plain = plain_close_ms(few);
  const auto many = many_tracepoints("syscalls", 60);
  const Times times = open_start_close(many);
  WARN(many.size() << " tracepoints: open " << times.open << " ms, start " << times.start
                   << " ms, close " << times.close << " ms; " << few.size()
                   << " closed plainly: " << plain << " ms");
  CHECK(times.close < 200);
}

TEST_CASE("a process that is killed with tracepoints open is gone at once") {
  if (!perf_works() || !tracepoint_id("raw_syscalls", "sys_enter")) return;
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    perf::LiveRequest request;
    request.events = many_tracepoints("sched", 20);
    auto source = perf::LiveSource::open(request);
    const char ready = source && (*source)->start() ? 'y' : 'n';
    if (write(ends[1], &ready, 1) == 1) pause();
    _exit(1);
  }
  close(ends[1]);
  char ready = 'n';
  REQUIRE(read(ends[0], &ready, 1) == 1);
  CHECK(ready == 'y');
  const base::Nanos begin = now();
  kill(child, SIGKILL);
  // EOF of its pipe, as `oc | cat` would wait for, and its end.
  CHECK(read(ends[0], &ready, 1) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  CHECK(ms_since(begin) < 200);
  close(ends[0]);
}
