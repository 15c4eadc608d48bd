#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "live/live_support.h"

using namespace oc;
using namespace oc::test;

TEST_CASE("system-wide rounds keep what their horizons promise") {
  const auto id = tracepoint_id("sched", "sched_switch");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("sched", "sched_switch", *id));
  request.events.back().keep_own = true;
  request.switch_records = true;
  auto opened = perf::LiveSource::open(request);
  if (!opened) FAIL(opened.error().what);
  perf::LiveSource& source = **opened;
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) usleep(50);
  });
  const Seen seen = read_all(source, 700);
  stop = true;
  busy.join();
  CHECK(seen.samples.at("sched:sched_switch") > 1000);
  CHECK(seen.records.at(PERF_RECORD_SWITCH_CPU_WIDE) > 1000);
  CHECK(seen.first >= source.start_time());
  CHECK(seen.lost == 0);
  WARN(seen.rounds << " rounds, " << seen.late << " records late, by at most "
                   << static_cast<double>(seen.worst_late) / 1e6 << " ms");
  // A virtual CPU may be taken away between a record's time and its place: rare, never many.
  CHECK(seen.late * 1000 <= seen.samples.at("sched:sched_switch"));
}

TEST_CASE("threads named as own leave no tracepoints") {
  const auto id = tracepoint_id("raw_syscalls", "sys_enter");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("raw_syscalls", "sys_enter", *id));
  request.own_tids = {gettid()};
  auto source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK(read_all(**source, 200).own_samples == 0);
  request.own_tids.clear();
  source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK(read_all(**source, 200).own_samples > 0);
}

TEST_CASE("a filter joins the one of own threads, and one that is refused leaves all events") {
  const auto id = tracepoint_id("raw_syscalls", "sys_enter");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("raw_syscalls", "sys_enter", *id));
  request.events.back().filter = "common_pid == " + std::to_string(gettid());
  auto source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK((*source)->filter(0) == request.events.back().filter);
  const Seen only = read_all(**source, 200);
  CHECK(only.own_samples > 0);
  CHECK(only.own_samples == only.samples.at("raw_syscalls:sys_enter"));

  request.own_tids = {gettid()};
  source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK(read_all(**source, 200).samples.count("raw_syscalls:sys_enter") == 0);

  request.own_tids.clear();
  request.events.back().filter = "no_such_field == 1";
  source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK((*source)->filter(0).empty());
  CHECK(read_all(**source, 200).own_samples > 0);
  CHECK((*source)->notes().front().find("does not filter") != std::string::npos);
  request.is_recorded = true;
  CHECK_FALSE(perf::LiveSource::open(request));
}

TEST_CASE("an event that nobody wants keeps its place and is not opened") {
  const auto id = tracepoint_id("raw_syscalls", "sys_enter");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("raw_syscalls", "sys_enter", *id));
  request.events.back().is_wanted = false;
  request.events.push_back(cpu_clock(99));
  auto source = perf::LiveSource::open(request);
  REQUIRE(source);
  CHECK((*source)->events()[0].name == "raw_syscalls:sys_enter");
  CHECK(read_all(**source, 200).samples.count("raw_syscalls:sys_enter") == 0);
}

TEST_CASE("the rundown names the threads that were there before") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  request.events.push_back(cpu_clock(99));
  auto source = perf::LiveSource::open(request);
  REQUIRE(source);
  REQUIRE((*source)->start());
  const auto threads = (*source)->rundown();
  CHECK(std::any_of(threads.begin(), threads.end(),
                    [](const sys::ThreadInfo& thread) { return thread.tid == getpid(); }));
}

TEST_CASE("an idle source returns after its time and at once when woken") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  auto opened = perf::LiveSource::open(request);
  REQUIRE(opened);
  perf::LiveSource& source = **opened;
  REQUIRE(source.start());
  source::Round round;
  base::Nanos begin = now();
  REQUIRE(source.next_round(std::chrono::hours(1), round));
  CHECK(ms_since(begin) > 90);
  CHECK(ms_since(begin) < 400);
  CHECK(!round.is_last);
  source.wake();
  begin = now();
  REQUIRE(source.next_round(std::chrono::hours(1), round));
  CHECK(ms_since(begin) < 60);
  CHECK(!round.is_last);
  std::thread other([&] {
    usleep(10000);
    source.request_stop();
  });
  begin = now();
  while (!round.is_last) REQUIRE(source.next_round(std::chrono::hours(1), round));
  CHECK(ms_since(begin) < 90);
  other.join();
}
