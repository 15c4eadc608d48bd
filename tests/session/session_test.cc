#include "session/session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"
#include "support/stream_writer.h"
#include "symbol/fixture_files.h"

using namespace oc::test;
using oc::event::KernelRecord;
using oc::event::kKernelRecords;
using oc::session::RunOptions;
using oc::session::Session;
using std::chrono::milliseconds;

namespace {

constexpr auto kNoWait = milliseconds(0);

/// Two tracepoints and a sampled event, named; comm records; `samples` of each in turn.
PerfDataWriter three_events(uint64_t samples) {
  PerfDataWriter file;
  auto cycles = plain_attr(PERF_SAMPLE_RAW);  // RAW, so that all have one layout
  cycles.type = PERF_TYPE_HARDWARE;
  file.add(tracepoint_attr(7), {1}).add(tracepoint_attr(8), {2}).add(cycles, {3});
  RecordWriter w(tracepoint_attr(7));
  w.comm({.time = 1, .id = 1}, 5, 5, "sh");
  for (uint64_t i = 0; i < samples; ++i) {
    w.raw_sample({.time = 10 + i, .id = 1 + i % 3, .pid = 5, .tid = 5}, ByteVector(24));
  }
  file.records = w.bytes;
  file.feature(1, tracing_data({format_text("first", 7), format_text("second", 8)}));
  file.feature(12, event_description(file.attrs, {"sys:first", "sys:second", "cycles:ppp"}));
  return file;
}

void open(Session& session, const PerfDataWriter& writer) {
  const TempFile file(writer.bytes());
  const auto status = session.open_file(file.path());
  if (!status) FAIL(status.error().what);
}

std::vector<uint32_t> kinds(Session& session, const std::string& name) {
  auto found = session.kinds().resolve(name, {});
  if (!found) FAIL(found.error().what);
  return *found;
}

uint64_t drain(Session& session) {
  uint64_t events = 0;
  for (;;) {
    const auto batch = session.next(kNoWait);
    REQUIRE(batch);
    if (*batch == nullptr) return events;
    events += (*batch)->count;
  }
}

}  // namespace

TEST_CASE("events of a file are found by name, by name without modifiers, by glob, by record") {
  Session session;
  open(session, three_events(3));
  using Kinds = std::vector<uint32_t>;
  CHECK(kinds(session, "sys:first") == Kinds{kKernelRecords});
  CHECK(kinds(session, "sys:*") == Kinds{kKernelRecords, kKernelRecords + 1});
  CHECK(kinds(session, "cycles") == Kinds{kKernelRecords + 2});
  CHECK(kinds(session, "sys:second,sys:*") == Kinds{kKernelRecords + 1, kKernelRecords});
  CHECK(kinds(session, "cycles,cycles:ppp,sys:first") == Kinds{kKernelRecords + 2, kKernelRecords});
  CHECK(kinds(session, "cycles:ppp") == Kinds{kKernelRecords + 2});
  CHECK(kinds(session, "exec") == Kinds{static_cast<uint32_t>(KernelRecord::kExec)});
  CHECK(session.input().names("*") ==
        std::vector<std::string>{"cycles:ppp", "sys:first", "sys:second"});
  CHECK(session.kinds().count() == kKernelRecords + 3);
  CHECK(session.kinds().format(kKernelRecords) != nullptr);
  CHECK(session.kinds().format(kKernelRecords + 2) == nullptr);
  CHECK(session.kinds().format(kKernelRecords + 3) == nullptr);
  CHECK(session.kinds().name(kKernelRecords + 3).empty());
  CHECK(session.kinds().sample(0) == nullptr);
}

TEST_CASE("an event that a file does not have is an error that names those it has") {
  Session session;
  open(session, three_events(1));
  const auto found = session.kinds().resolve("sys:frist", {});
  REQUIRE_FALSE(found);
  CHECK(found.error().what.find("sys:second") != std::string::npos);
  CHECK(found.error().hint.find("sys:first") != std::string::npos);
}

TEST_CASE("a run delivers what is wanted and then ends") {
  Session session;
  open(session, three_events(30'000));
  for (const uint32_t kind : kinds(session, "sys:*")) session.kinds().want(kind);
  session.kinds().want(UINT32_MAX);  // no such kind: nothing
  REQUIRE(session.start({}));
  CHECK(drain(session) == 20'000);
  CHECK(session.counts().records == 30'001);
  session.finish();
  CHECK(*session.next(kNoWait) == nullptr);
  CHECK(session.notes().empty());
  CHECK_FALSE(session.is_damaged());
  CHECK(session.losses().empty());
  CHECK(session.live() == nullptr);
}

TEST_CASE("a trace is run once") {
  Session session;
  open(session, three_events(3));
  REQUIRE(session.start({}));
  const auto again = session.start({});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == oc::base::Code::kUsage);
}

TEST_CASE("limits of a run hold") {
  for (const bool by_span : {false, true}) {
    Session session;
    open(session, three_events(30'000));
    session.kinds().want(kKernelRecords);
    RunOptions options;
    if (by_span) options.max_span = 9 + 3 * 99;  // the session begins at 1, samples at 10
    if (!by_span) options.max_events = 100;
    REQUIRE(session.start(options));
    CHECK(drain(session) == 100);
  }
}

TEST_CASE("a session may be closed in every state of its life") {
  for (int state = 0; state < 7; ++state) {
    Session session;
    if (state == 0) continue;
    open(session, three_events(100'000));
    session.kinds().want(kKernelRecords);
    if (state == 1) continue;
    REQUIRE(session.start({}));
    if (state == 2) continue;
    REQUIRE(session.next(kNoWait));
    if (state == 3) continue;
    session.stop();
    if (state == 4) continue;
    if (state == 5) drain(session);
    session.finish();
  }
}

TEST_CASE("damage and notes may be asked at any time of a run, and are whole at its end") {
  auto writer = three_events(100'000);
  poke<uint16_t>(writer.records, writer.records.size() - 100, 0);
  writer.records.resize(writer.records.size() - 4);
  Session session;
  open(session, writer);
  session.kinds().want(kKernelRecords);
  CHECK(session.notes().empty());
  REQUIRE(session.start({}));
  for (;;) {
    (void)session.notes();
    (void)session.is_damaged();
    (void)session.losses();
    const auto batch = session.next(kNoWait);
    REQUIRE(batch);
    if (*batch == nullptr || (*batch)->is_last) break;
  }
  CHECK(session.is_damaged());
  REQUIRE(session.notes().size() == 1);
  CHECK(session.notes()[0].find("at offset") != std::string::npos);
}

TEST_CASE("names may be read while the decoder goes on naming threads") {
  RecordWriter w(plain_attr());
  for (int32_t i = 0; i < 30'000; ++i) {
    const Fields at{.time = 1 + static_cast<uint64_t>(i), .id = 1, .pid = i + 1, .tid = i + 1};
    w.comm(at, i + 1, i + 1, "name " + std::to_string(i)).sample(at);
  }
  Session session;
  open(session, PerfDataWriter(plain_attr(), w.bytes));
  session.kinds().want(kKernelRecords);
  REQUIRE(session.start({}));
  int32_t next = 0;
  for (;;) {
    const auto batch = session.next(kNoWait);
    REQUIRE(batch);
    if (*batch == nullptr) break;
    for (uint32_t i = 0; i < (*batch)->count; ++i, ++next) {
      const auto name = session.model().strings.text({(*batch)->events[i].comm});
      REQUIRE(name == "name " + std::to_string(next));
    }
  }
  CHECK(next == 30'000);
}

TEST_CASE("a file that cannot be opened leaves a session that may be closed") {
  Session session;
  REQUIRE_FALSE(session.open_file("/nonexistent"));
}

TEST_CASE("a stop before the start is none") {
  Session session;
  open(session, three_events(30));
  session.kinds().want(kKernelRecords);
  session.stop();
  REQUIRE(session.start({}));
  CHECK(drain(session) == 10);
}

TEST_CASE("a trace that is no file has no part of its time, and only a live one can be recorded") {
  Session session;
  auto& fed = session.open_fed("mine", 1, 0, 0);
  oc::event::EventFormat format;
  format.system = "my";
  format.name = "event";
  CHECK(fed.add_kind(format, 0) == 0);
  CHECK(session.kinds().name(kKernelRecords) == "my:event");
  RunOptions options;
  options.window.from = {oc::session::TimeBound::Of::kEnd, 5};
  CHECK_FALSE(session.start(options));
  CHECK_FALSE(session.start_recording({}, {}));
  CHECK(session.recording() == nullptr);
  REQUIRE(session.start({}));
  CHECK_FALSE(session.start({}));
}

TEST_CASE("events of the script's own have numbers behind all others") {
  Session session;
  open(session, three_events(3));
  oc::event::EventFormat format;
  format.name = "mine";
  const uint32_t kind = session.kinds().add_proxy(format);
  CHECK(kind == oc::session::EventKinds::kFirstProxy);
  CHECK(session.kinds().name(kind) == "mine");
  CHECK(session.kinds().sample(kind) == nullptr);
  CHECK(session.kinds().format(kind) != nullptr);
  CHECK(session.kinds().format(kind + 1) == nullptr);
  CHECK(session.kinds().count() == kKernelRecords + 3);
}

TEST_CASE("of a pipe that is still written no names are begun: a file may come later") {
  if (std::thread::hardware_concurrency() < 2) return;  // nothing is ever begun there
  const TemporaryFolder folder;
  const std::string fifo = folder / "fifo", library = folder / "late.so";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  oc::base::Fd writing(open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(writing);
  const auto write_all = [&](const ByteVector& bytes) {
    REQUIRE(write(writing.number(), bytes.data(), bytes.size()) ==
            static_cast<ssize_t>(bytes.size()));
  };
  RecordWriter w(plain_attr(PERF_SAMPLE_IP));
  w.mmap({.time = 1, .id = 1, .pid = 5, .tid = 5}, 0x400000, 0x1000, library);
  w.sample({.time = 2, .id = 1, .pid = 5, .tid = 5, .ip = 0x4002c8}).round().round();
  PerfDataWriter file(w.attr, w.bytes);
  write_all(pipe_bytes(file));
  Session session;
  const auto opened = session.open_file(fifo);
  REQUIRE(opened);
  session.declare_machine();
  session.stacks().declare(oc::session::StackMode::kNone, true);
  session.expect_names();
  for (const uint32_t kind : kinds(session, "*")) session.kinds().want(kind);
  REQUIRE(session.start({}));
  uint64_t events = 0;
  for (int i = 0; i < 6; ++i) {
    const auto batch = session.next(milliseconds(1));
    REQUIRE(batch);
    REQUIRE(*batch != nullptr);
    events += (*batch)->count;
    if (i == 1) CHECK(events == 1);
  }
  folder.put("dwarf/gcc5.so", "late.so");
  writing.close();
  CHECK(drain(session) == 0);
  session.finish();
  REQUIRE(session.model().stacks.tables()->frames.size() == 1);
  const auto named = session.stacks().names()->find({1});
  CHECK(named.function == "tiny::work");
}
