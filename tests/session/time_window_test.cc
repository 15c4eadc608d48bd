#include "session/time_window.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "session/session.h"
#include "source/sample_span.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"
#include "support/repeats.h"

using namespace oc::test;
using namespace oc::session;
using Of = TimeBound::Of;
using oc::source::Window;

namespace {

constexpr uint64_t kBegin = 5'000'000;

/// Threads that come, go and change their names on three CPUs. Every time is its own, so that the order of
/// events does not depend on where runs are cut.
class RandomRecording {
 public:
  RandomRecording(uint32_t seed, bool has_rounds) : random_(seed), has_rounds_(has_rounds) {}

  PerfDataWriter make() {
    uint64_t begin = kBegin;
    for (int round = 0; round < 40; ++round, begin += 1000) {
      std::vector<uint64_t> times[3];
      for (uint32_t i = random_() % 40; i > 0; --i)
        times[random_() % 3].push_back((begin + random_() % 2000) * 64 + next_++ % 64);
      for (uint32_t cpu = 0; cpu < 3; ++cpu) {
        std::sort(times[cpu].begin(), times[cpu].end());
        for (const uint64_t time : times[cpu]) add(time, cpu);
      }
      if (has_rounds_) writer_.round();
    }
    PerfDataWriter file;
    file.add(plain_attr(), {1, 2}).add(plain_attr(), {3});
    file.attrs[1].attr.config = PERF_COUNT_SW_PAGE_FAULTS;
    file.records = writer_.bytes;
    return file;
  }

 private:
  void add(uint64_t time, uint32_t cpu) {
    const auto tid = static_cast<int32_t>(1 + random_() % 9);
    const auto other = static_cast<int32_t>(1 + random_() % 9);
    Fields at{.time = time, .id = 1 + random_() % 3, .pid = tid, .tid = tid, .cpu = cpu};
    const std::string name = "name" + std::to_string(random_() % 50);
    switch (random_() % 14) {
      case 0:
      case 1:
        writer_.comm(at, tid, tid, name, random_() % 2 == 0);
        break;
      case 2:
        writer_.fork(at, tid, tid, other, other);
        break;
      case 3:
        writer_.exit(at, tid, tid);
        break;
      case 4:
        writer_.context_switch(at, true);
        break;
      case 5:
        at.time = 0;
        writer_.comm(at, tid, tid, name);
        break;
      default:
        writer_.sample(at);
    }
  }

  std::mt19937 random_;
  bool has_rounds_;
  uint64_t next_ = 0;
  RecordWriter writer_{plain_attr()};
};

struct Event {
  double time;
  std::string text;
  bool operator==(const Event&) const = default;
};

struct Seen {
  std::vector<Event> events;
  Counts counts;
  std::vector<std::string> notes;
};

Seen run(const std::string& path, const TimeWindow& window) {
  Session session;
  REQUIRE(session.open_file(path));
  for (uint32_t kind = 0; kind < session.kinds().count(); ++kind) session.kinds().want(kind);
  RunOptions options;
  options.window = window;
  REQUIRE(session.start(options));
  Seen seen;
  for (;;) {
    const auto batch = session.next(std::chrono::milliseconds(0));
    REQUIRE(batch);
    if (*batch == nullptr) break;
    for (uint32_t i = 0; i < (*batch)->count; ++i) {
      const oc_event& event = (*batch)->events[i];
      if (event.time == 0) continue;  // untimed ones come when they are read, as far as is read
      seen.events.push_back({event.time, std::string(session.model().strings.text({event.comm})) +
                                             " " + std::to_string(event.tid) + " " +
                                             std::to_string(event.cpu) + " " +
                                             std::string(session.kinds().name(event.event))});
    }
  }
  seen.counts = session.counts();
  seen.notes = session.notes();
  return seen;
}

TimeWindow since_beginning(uint64_t from, uint64_t to) {
  return {{Of::kBeginning, from}, {Of::kBeginning, to}};
}

}  // namespace

TEST_CASE("a window of a recording holds what filtering all of its events by time leaves") {
  size_t inside = 0;
  for (uint32_t seed = 1; seed <= static_cast<uint32_t>(oc::test::repeats(12)); ++seed) {
    const bool has_rounds = seed % 3 != 0;
    const TempFile file(RandomRecording(seed, has_rounds).make().bytes());
    const Seen all = run(file.path(), {});
    REQUIRE(all.counts.late == 0);
    std::mt19937 random(seed);
    for (int i = 0; i < 4; ++i) {
      const uint64_t span = all.counts.last_time - all.counts.start_time;
      uint64_t from = random() % span, to = random() % span;
      if (from > to) std::swap(from, to);
      if (i == 0) from = 0;
      INFO("seed " << seed << ", " << from << " to " << to);
      std::vector<Event> expected;
      for (const Event& event : all.events) {
        if (event.time >= static_cast<double>(from) && event.time <= static_cast<double>(to))
          expected.push_back(event);
      }
      const Seen part = run(file.path(), since_beginning(from, to));
      REQUIRE(part.events.size() == expected.size());
      for (size_t at = 0; at < expected.size(); ++at) {
        REQUIRE(part.events[at].time == expected[at].time);
        REQUIRE(part.events[at].text == expected[at].text);
      }
      CHECK(part.counts.start_time == all.counts.start_time);
      CHECK(part.counts.last_time <= part.counts.start_time + to);
      CHECK(part.notes.empty());
      inside += expected.size();
    }
  }
  CHECK(inside > 2000);
}

TEST_CASE("reading ends once nothing of the window can follow") {
  RecordWriter w(plain_attr());
  for (uint64_t i = 0; i < 1000; ++i) {
    w.sample({.time = 1000 + i});
    if (i % 10 == 9) w.round();
  }
  PerfDataWriter file;
  file.add(plain_attr(), {});
  file.records = w.bytes;
  const TempFile temp(file.bytes());
  const Seen seen = run(temp.path(), since_beginning(100, 199));
  CHECK(seen.events.size() == 100);
  CHECK(seen.counts.records < 250);
  CHECK(seen.counts.last_time == 1199);
}

TEST_CASE("losses before the window are not this run's") {
  RecordWriter w(plain_attr());
  w.sample({.time = 10}).lost({.time = 20}, 0, 5).sample({.time = 30}).lost({.time = 40}, 0, 7);
  w.sample({.time = 50}).lost_samples({.time = 0}, 13);
  PerfDataWriter file;
  file.add(plain_attr(), {});
  file.records = w.bytes;
  const TempFile temp(file.bytes());
  const auto lost = [&](const TimeWindow& window) {
    Session session;
    REQUIRE(session.open_file(temp.path()));
    RunOptions options;
    options.window = window;
    REQUIRE(session.start(options));
    for (auto batch = session.next({}); batch && *batch; batch = session.next({})) {
    }
    uint64_t sum = 0;
    for (const auto& loss : session.losses()) sum += loss.records;
    return sum;
  };
  CHECK(lost({}) == 13);
  CHECK(lost({{Of::kClock, 30}, {}}) == 8);  // and one that nobody knows the time of
  CHECK(lost({{}, {Of::kClock, 30}}) == 5 + 8);
}

TEST_CASE("the last second counts from the last sample, whether or not the header tells of it") {
  PerfDataWriter file;
  file.add(plain_attr(), {});
  RecordWriter w(plain_attr());
  for (uint64_t time = 100; time <= 200; time += 10) w.sample({.time = time}).round();
  w.comm({.time = 500}, 1, 1, "late");
  file.records = w.bytes;
  {
    const TempFile temp(file.bytes());
    CHECK(run(temp.path(), {{Of::kEnd, 25}, {}}).events.size() == 3 + 1);
    CHECK(run(temp.path(), {{Of::kEnd, 25}, {Of::kEnd, 10}}).events.size() == 2);
    CHECK(
        run(temp.path(), {{Of::kPercent, 10'000'000}, {Of::kPercent, 20'000'000}}).events.size() ==
        2);
    auto trace = oc::source::PerfDataFile::open(temp.path());
    REQUIRE(trace);
    const auto span = oc::source::find_sample_span(*trace);
    CHECK(span.first == 100);
    CHECK(span.last == 200);
  }
  ByteVector told;
  for (const uint64_t word : {100ull, 180ull})  // what the header says counts
    for (int i = 0; i < 8; ++i) told.push_back(static_cast<uint8_t>(word >> 8 * i));
  file.feature(21, told);
  const TempFile temp(file.bytes());
  CHECK(run(temp.path(), {{Of::kEnd, 25}, {Of::kEnd, 0}}).events.size() == 3);
}

TEST_CASE("a window that misses the trace, or a trace without times, is told") {
  PerfDataWriter file;
  file.add(plain_attr(), {});
  RecordWriter w(plain_attr());
  w.sample({.time = 1'500'000'000}).sample({.time = 2'000'000'001});
  file.records = w.bytes;
  const TempFile temp(file.bytes());
  const auto note = [](const Seen& seen) {
    CHECK(seen.events.empty());
    return seen.notes.empty() ? "" : seen.notes[0];
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(note(run(temp.path(), {{}, {Of::kClock, 1'000'000'000}})),
             Contains("lies before the trace, which begins at 1.500000000") &&
                 Contains("a time with a unit"));
  CHECK_THAT(note(run(temp.path(), {{Of::kBeginning, 1'000'000'000}, {}})),
             Contains("lies after the trace") && Contains("ends at 2.000000001") &&
                 !Contains("a time with a unit"));
  RecordWriter untimed(plain_attr());
  untimed.sample({.time = 0}).sample({.time = ~0ull});
  file.records = untimed.bytes;
  const TempFile none(file.bytes());
  CHECK_THAT(note(run(none.path(), {{Of::kBeginning, 1}, {}})), Contains("have no times"));
  CHECK(run(none.path(), since_beginning(0, 5)).counts.delivered == 2);
  Session session;
  REQUIRE(session.open_file(none.path()));
  RunOptions options;
  options.window = {{Of::kEnd, 1}, {}};
  CHECK_FALSE(session.start(options));
}

TEST_CASE("windows are placed by the beginning, the clock, the samples") {
  const TimeMarks marks{1000, 1100, 2100};
  const auto placed = [&](TimeBound from, TimeBound to) {
    const Window window = place({from, to}, marks);
    return std::pair(window.from, window.to);
  };
  using Pair = std::pair<uint64_t, uint64_t>;
  CHECK(placed({}, {}) == Pair(0, Window::kNoEnd));
  CHECK(placed({Of::kBeginning, 5}, {Of::kBeginning, 7}) == Pair(1005, 1007));
  CHECK(placed({Of::kBeginning, 0}, {Of::kClock, 1500}) == Pair(0, 1500));
  CHECK(placed({Of::kEnd, 100}, {Of::kEnd, 50}) == Pair(2000, 2050));
  CHECK(placed({Of::kEnd, 99999}, {}) == Pair(0, Window::kNoEnd));
  CHECK(placed({Of::kPercent, 10'000'000}, {Of::kPercent, 100'000'000}) == Pair(1200, 2100));
  CHECK(placed({Of::kBeginning, ~0ull}, {Of::kClock, ~0ull}) ==
        Pair(Window::kNoEnd, Window::kNoEnd));
  CHECK(placed({Of::kClock, 1900}, {Of::kBeginning, 5}) ==
        Pair(1900, 1900));  // nothing, or an instant
}
