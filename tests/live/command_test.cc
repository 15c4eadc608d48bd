#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "live/live_support.h"

using namespace oc;
using namespace oc::test;

namespace {

std::unique_ptr<perf::LiveSource> open(perf::LiveRequest request) {
  auto source = perf::LiveSource::open(std::move(request));
  if (!source) FAIL(source.error().what << " (" << source.error().hint << ")");
  return std::move(*source);
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

TEST_CASE("a spinning command is sampled at the frequency asked for") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  request.events.push_back(cpu_clock(1000));
  request.command = {"sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; exit 3"};
  const auto source = open(request);
  const Seen seen = read_all(*source);
  REQUIRE(source->command_status());
  CHECK(WEXITSTATUS(*source->command_status()) == 3);
  CHECK(!source->command_running());
  CHECK(contains(seen.comms, "sh"));
  CHECK(seen.records.at(PERF_RECORD_EXIT) == 1);
  CHECK(seen.lost == 0);
  // The clock stands still while the command waits for a CPU: at most one sample a millisecond.
  const double ms = static_cast<double>(seen.last - seen.first) / 1e6;
  const auto samples = static_cast<double>(seen.samples.at("cpu-clock"));
  CHECK(samples > ms * 0.2);
  CHECK(samples < ms * 1.1 + 5);
}

TEST_CASE("children of the command are traced and named") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  request.events.push_back(cpu_clock(1000));
  request.mmap_records = true;
  request.command = {"sh", "-c", "/bin/true; sleep 0.01"};
  const auto source = open(request);
  const Seen seen = read_all(*source);
  CHECK(contains(seen.comms, "true"));
  CHECK(contains(seen.comms, "sleep"));
  CHECK(seen.records.at(PERF_RECORD_FORK) == 2);
  CHECK(seen.records.at(PERF_RECORD_EXIT) == 3);
  CHECK(seen.records.at(PERF_RECORD_MMAP2) >= 6);
}

TEST_CASE("every system call of a command is seen, none is lost") {
  const auto id = tracepoint_id("raw_syscalls", "sys_enter");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("raw_syscalls", "sys_enter", *id));
  request.command = {"dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=100000", "status=none"};
  request.buffer_bytes = 64 << 20;  // for all of them, should nobody read while other tests run
  const auto source = open(request);

  // The oracle: the kernel's own count of the same event in the same child.
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = *id;
  attr.disabled = 1;
  attr.enable_on_exec = 1;
  attr.inherit = 1;
  const base::Fd counter(perf::open_perf_event(attr, source->command_pid(), -1));
  REQUIRE(counter);

  const Seen seen = read_all(*source);
  uint64_t count = 0;
  REQUIRE(read(counter.number(), &count, sizeof count) == sizeof count);
  CHECK(WEXITSTATUS(source->command_status().value_or(-1)) == 0);
  CHECK(count > 200000);
  CHECK(seen.samples.at("raw_syscalls:sys_enter") == count);
  CHECK(seen.lost == 0);
  CHECK(source->final_losses().empty());
}

TEST_CASE("what a small ring loses is told by the kernel, by event and CPU, and adds up") {
  const auto id = tracepoint_id("raw_syscalls", "sys_enter");
  if (!perf_works() || !id) return;
  perf::LiveRequest request;
  request.events.push_back(tracepoint("raw_syscalls", "sys_enter", *id));
  request.buffer_bytes = 4096;
  request.command = {"dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=20000", "status=none"};
  const auto source = open(request);
  CHECK(source->data_ring_bytes() == perf::page_size_bytes());
  REQUIRE(source->start());
  // Read nothing until the command has ended: all but one page is lost.
  source::Round round;
  uint64_t samples = 0;
  while (source->command_running())
    REQUIRE(source->next_round(std::chrono::milliseconds(5), round));
  for (const auto& span : round.spans) {
    for (const uint8_t* at = span.begin; at != span.end;) {
      const auto* header = reinterpret_cast<const perf_event_header*>(at);
      if (header->type == PERF_RECORD_SAMPLE) ++samples;
      at += header->size;
    }
  }
  const auto losses = source->final_losses();
  uint64_t lost = 0;
  for (const auto& loss : losses) {
    CHECK(loss.event == 0);
    CHECK(loss.cpu >= 0);
    lost += loss.records;
  }
  if (losses.empty()) {
    WARN("skipped: this kernel has no PERF_FORMAT_LOST");
    return;
  }
  CHECK(lost > 39000);
  CHECK(lost + samples < 41500);
}

TEST_CASE("a command that does not exist is an error before anything is opened") {
  perf::LiveRequest request;
  request.command = {"oc-no-such-program"};
  const auto source = perf::LiveSource::open(request);
  REQUIRE(!source);
  CHECK(source.error().what == "cannot run 'oc-no-such-program': No such file or directory");
}

TEST_CASE("an event that this machine lacks is an error that says so") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  request.events.push_back(cpu_clock(99));
  request.events.back().frequency_hz = 100000000;
  const auto source = perf::LiveSource::open(request);
  REQUIRE(!source);
  CHECK(source.error().what.find("100000000 Hz") != std::string::npos);
}

TEST_CASE("a source is started once, and read only after that") {
  if (!perf_works()) return;
  perf::LiveRequest request;
  request.command = {"true"};
  const auto source = open(request);
  source::Round round;
  CHECK(!source->next_round(std::chrono::milliseconds(1), round));
  CHECK(source->start());
  CHECK(source->rundown().size() == 1);
  CHECK(!source->start());
}
