#include "session/other_thread.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "session/record_selection.h"
#include "support/fake_run.h"

using namespace oc;

namespace {

event::EventKind kind_of(const std::string& name, const std::string& fields) {
  auto format = event::parse_format("name: " + name + "\nID: 7\nformat:\n" + fields, "sched");
  REQUIRE(format);
  event::EventKind kind{};
  kind.format = std::move(*format);
  return kind;
}

std::string field(const std::string& declared, int offset, int size) {
  return "\tfield:" + declared + ";\toffset:" + std::to_string(offset) +
         ";\tsize:" + std::to_string(size) + ";\tsigned:1;\n";
}

constexpr uint16_t kPrevAt = 24, kNextAt = 56;

event::EventTable switches() {
  event::EventTable table;
  auto kind = kind_of("sched_switch",
                      field("pid_t prev_pid", kPrevAt, 4) + field("pid_t next_pid", kNextAt, 4));
  kind.attr = test::tracepoint_attr(7);
  table.add(std::move(kind), {1});
  table.finish();
  return table;
}

test::ByteVector switch_of(int32_t prev, int32_t next) {
  test::ByteVector payload(kNextAt + 4);
  std::memcpy(payload.data() + kPrevAt, &prev, sizeof prev);
  std::memcpy(payload.data() + kNextAt, &next, sizeof next);
  return payload;
}

}  // namespace

TEST_CASE("events of the scheduler name another thread") {
  const auto switched =
      kind_of("sched_switch", field("pid_t prev_pid", 24, 4) + field("pid_t next_pid", 56, 4));
  CHECK(session::other_thread_at(switched) == 56);
  CHECK(session::leaving_thread_at(switched) == 24);
  CHECK(session::woken_thread_at(switched) == event::kAbsent);
  const auto woken = kind_of("sched_wakeup", field("pid_t pid", 24, 4));
  CHECK(session::other_thread_at(woken) == 24);
  CHECK(session::woken_thread_at(woken) == 24);
  CHECK(session::leaving_thread_at(woken) == event::kAbsent);
}

TEST_CASE("what a recording declares otherwise is not read as a thread") {
  CHECK(session::woken_thread_at(kind_of("sched_wakeup", field("short pid", 24, 2))) ==
        event::kAbsent);
  CHECK(session::woken_thread_at(kind_of("sched_wakeup", field("char pid[4]", 24, 4))) ==
        event::kAbsent);
  CHECK(session::woken_thread_at(kind_of("sched_process_exit", field("pid_t pid", 24, 4))) ==
        event::kAbsent);
  CHECK(session::other_thread_at(event::EventKind{}) == event::kAbsent);
}

TEST_CASE("the last switch of a thread that was reaped is its own, and its process's") {
  test::RecordWriter w(test::tracepoint_attr(7));
  w.comm({.time = 1, .id = 1}, 5, 5, "job").comm({.time = 1, .id = 1}, 5, 7, "worker");
  w.comm({.time = 1, .id = 1}, 6, 6, "other");
  // The process's number is known as long as it lives.
  w.raw_sample({.time = 2, .id = 1, .pid = 5, .tid = -1}, switch_of(7, 0));
  w.raw_sample({.time = 3, .id = 1, .pid = -1, .tid = -1}, switch_of(5, 0));
  w.raw_sample({.time = 4, .id = 1, .pid = -1, .tid = -1}, switch_of(6, 0));
  const auto chosen = [&](session::TaskSelection tasks) {
    test::FakeRun run(switches());
    run.source.round({{0, w.bytes}}, 100).last();
    run.selection.tasks = std::move(tasks);
    std::vector<double> times;
    for (const auto& event : run.want(test::FakeRun::sample()).all()) times.push_back(event.time);
    return times;
  };
  CHECK(chosen({{}, {}, {"worker"}}) == std::vector<double>{1});
  CHECK(chosen({{}, {}, {"job"}}) == std::vector<double>{1, 2});
  CHECK(chosen({{5}, {}, {}}) == std::vector<double>{1, 2});
  CHECK(chosen({{}, {7}, {}}) == std::vector<double>{1});
  CHECK(chosen({{6}, {}, {}}) == std::vector<double>{3});
}

TEST_CASE("a recording of chosen names has the last switches of their threads") {
  const auto table = switches();
  perf::Target target;
  target.comms = {"worker"};
  session::RecordSelection selection(table, target, false);
  test::RecordWriter names(test::tracepoint_attr(7)), data(test::tracepoint_attr(7));
  names.comm({.time = 1, .id = 1}, 5, 7, "worker").comm({.time = 1, .id = 1}, 5, 8, "other");
  data.raw_sample({.time = 2, .id = 1, .pid = 5, .tid = -1}, switch_of(8, 0));
  const size_t others = data.bytes.size();
  data.raw_sample({.time = 3, .id = 1, .pid = 5, .tid = -1}, switch_of(7, 0));
  std::vector<source::Span> spans;
  for (const auto* writer : {&names, &data}) {
    source::Span span;
    span.begin = writer->bytes.data();
    span.end = span.begin + writer->bytes.size();
    span.stream = static_cast<uint32_t>(spans.size());
    spans.push_back(span);
  }
  selection.choose(spans, [](uint32_t stream) { return stream == 0; });
  CHECK(
      test::ByteVector(spans[1].begin, spans[1].end) ==
      test::ByteVector(data.bytes.begin() + static_cast<std::ptrdiff_t>(others), data.bytes.end()));
}

TEST_CASE("events of everyone say what of them is not of the target") {
  constexpr uint32_t kAll = session::kOfOthers | session::kAboutOthers | session::kElsewhere;
  test::RecordWriter w(test::tracepoint_attr(7));
  w.raw_sample({.time = 1, .id = 1, .pid = 7, .tid = 7, .cpu = 1}, switch_of(7, 8));
  w.raw_sample({.time = 2, .id = 1, .pid = 8, .tid = 8, .cpu = 2}, switch_of(8, 7));
  w.raw_sample({.time = 3, .id = 1, .pid = -1, .tid = -1, .cpu = 1}, switch_of(7, 0));
  w.raw_sample({.time = 4, .id = 1, .pid = 8, .tid = 8, .cpu = 2}, switch_of(8, 0));
  const auto marks = [&](session::TaskSelection tasks, std::vector<int32_t> cpus) {
    test::FakeRun run(switches());
    run.source.round({{0, w.bytes}}, 100).last();
    run.selection.tasks = std::move(tasks);
    run.selection.cpus = std::move(cpus);
    run.selection.of_everyone.assign(run.selection.wanted.size(), 1);
    std::vector<uint32_t> seen;
    for (const auto& event : run.want(test::FakeRun::sample()).all()) seen.push_back(event.marks);
    return seen;
  };
  CHECK(marks({}, {2}) == std::vector<uint32_t>{session::kElsewhere, 0, session::kElsewhere, 0});
  CHECK(marks({{}, {7}, {}}, {}) ==
        std::vector<uint32_t>{session::kAboutOthers, session::kOfOthers, session::kAboutOthers,
                              session::kOfOthers | session::kAboutOthers});
  CHECK(marks({{}, {7}, {}}, {1}) == std::vector<uint32_t>{session::kAboutOthers,
                                                           session::kOfOthers | session::kElsewhere,
                                                           session::kAboutOthers, kAll});
}
