#include "source/merger.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "support/record_writer.h"

using namespace oc::test;
using namespace oc::source;

namespace {

using Times = std::vector<uint64_t>;

/// A record as a test sees it: its time, and a number of its own that travels as `ip`.
struct Seen {
  uint64_t time;
  uint64_t number;
  bool operator==(const Seen&) const = default;
};

const perf_event_attr kAttr = plain_attr(PERF_SAMPLE_IP);

/// A merger with the memory that its spans point into.
class Bench {
 public:
  /// Adds one round with a span for each of `streams`.
  void add(const std::vector<std::vector<Seen>>& streams) {
    Round round;
    for (const auto& records : streams) {
      RecordWriter w(kAttr);
      for (const Seen& seen : records) w.sample({.time = seen.time, .ip = seen.number});
      memory_.push_back(std::move(w.bytes));
      const auto stream = static_cast<uint32_t>(&records - streams.data());
      if (positions_.size() <= stream) positions_.resize(stream + 1);
      const auto& bytes = memory_.back();
      round.spans.push_back(
          {bytes.data(), bytes.data() + bytes.size(), stream, positions_[stream]});
      positions_[stream] += bytes.size();
    }
    merger.add(round);
    counted += round.records;
  }

  std::vector<Seen> drain(uint64_t horizon, size_t at_most = SIZE_MAX) {
    std::vector<Seen> seen;
    const auto classify = [this](const uint8_t* record, const RecordHeader&) {
      return is_skipped(number_of(record)) ? Merger::kSkip : 0u;
    };
    const bool stopped =
        merger.drain(horizon, classify,
                     [&](const uint8_t* record, const RecordHeader&, uint64_t time, uint32_t) {
                       seen.push_back({time, number_of(record)});
                       return seen.size() < at_most;
                     });
    CHECK(stopped == (seen.size() == at_most));
    return seen;
  }

  static uint64_t number_of(const uint8_t* record) { return oc::base::load<uint64_t>(record + 16); }

  oc::event::EventTable table = make_table({{kAttr, {}}});
  RecordClock clock{table};
  Merger merger{clock};
  uint64_t counted = 0;
  bool (*is_skipped)(uint64_t) = [](uint64_t) { return false; };

 private:
  std::vector<ByteVector> memory_;
  Times positions_;
};

Times times_of(const std::vector<Seen>& seen) {
  Times times;
  for (const Seen& one : seen) times.push_back(one.time);
  return times;
}

std::vector<Seen> stream(const Times& times, uint64_t first_number = 0) {
  std::vector<Seen> records;
  for (const uint64_t time : times) records.push_back({time, first_number++});
  return records;
}

}  // namespace

TEST_CASE("streams come out in order of time, up to the horizon and with it") {
  Bench bench;
  bench.add({stream({1, 4, 7, 9}), stream({2, 3, 8})});
  CHECK(times_of(bench.drain(8)) == Times{1, 2, 3, 4, 7, 8});
  CHECK(bench.drain(8).empty());
  CHECK(times_of(bench.drain(UINT64_MAX)) == Times{9});
  CHECK(bench.merger.run_count() == 0);
}

TEST_CASE("records of one time go in the order in which they were found") {
  Bench bench;
  bench.add({stream({5, 5}, 0), stream({5, 5}, 10), stream({5}, 20)});
  bench.add({stream({5}, 30)});
  std::vector<Seen> expected = {{5, 0}, {5, 1}, {5, 10}, {5, 11}, {5, 20}, {5, 30}};
  CHECK(bench.drain(5) == expected);
}

TEST_CASE("untimed records are delivered at once, before all others") {
  Bench bench;
  bench.add({stream({50, 0, 0, 60}), stream({0, 55})});
  CHECK(times_of(bench.drain(0)) == Times{0, 0, 0});
  CHECK(times_of(bench.drain(100)) == Times{50, 55, 60});
}

TEST_CASE("a record that comes too late is delivered all the same") {
  Bench bench;
  bench.add({stream({10, 20})});
  CHECK(times_of(bench.drain(20)) == Times{10, 20});
  bench.add({stream({15, 25})});
  CHECK(times_of(bench.drain(20)) == Times{15});
  CHECK(times_of(bench.drain(30)) == Times{25});
}

TEST_CASE("a visitor may stop after any record and go on later") {
  for (size_t step = 1; step < 8; ++step) {
    Bench bench;
    bench.add({stream({1, 4, 7}), stream({2, 3, 8}), stream({5, 5, 6})});
    Times all;
    for (auto part = bench.drain(100, step); !part.empty(); part = bench.drain(100, step)) {
      CHECK(part.size() <= step);
      for (const auto& seen : part) all.push_back(seen.time);
    }
    CHECK(all == Times{1, 2, 3, 4, 5, 5, 6, 7, 8});
  }
}

TEST_CASE("records that are skipped are passed, wherever they are") {
  Bench bench;
  bench.is_skipped = [](uint64_t number) { return number % 3 != 1; };
  bench.add({stream({1, 2, 3, 4, 5, 6}, 0), stream({1, 3, 5}, 12)});
  const std::vector<Seen> expected = {{2, 1}, {3, 13}, {5, 4}};
  CHECK(bench.drain(100) == expected);
  bench.add({stream({9}, 0)});  // nothing but skipped ones
  CHECK(bench.drain(100).empty());
  CHECK(bench.merger.run_count() == 0);
}

TEST_CASE("the lowest position still needed is that of the first record not delivered") {
  Bench bench;
  constexpr uint64_t kSize = 48;  // header, id, ip, tid, time, cpu
  const auto needed = [&](std::vector<uint64_t> positions) {
    bench.merger.lower_to_needed(positions);
    return positions;
  };
  using Positions = std::vector<uint64_t>;
  CHECK(needed({7}) == Positions{7});
  bench.add({stream({1, 2, 9}), stream({3, 4})});
  CHECK(needed({3 * kSize, 2 * kSize}) == Positions{0, 0});
  bench.drain(2);
  CHECK(needed({3 * kSize, 2 * kSize}) == Positions{2 * kSize, 0});
  bench.drain(5);
  CHECK(needed({3 * kSize, 2 * kSize, 77}) == Positions{2 * kSize, 2 * kSize, 77});
}

TEST_CASE("the oldest time is that of the oldest timed record") {
  Bench bench;
  CHECK(bench.merger.oldest() == 0);
  bench.add({stream({0, 30, 20})});
  CHECK(bench.merger.oldest() == 20);
  bench.add({stream({10})});
  CHECK(bench.merger.oldest() == 10);
}

TEST_CASE("thousands of runs are merged: a stream whose time only falls") {
  Bench bench;
  Times falling;
  for (uint64_t time = 5000; time > 0; --time) falling.push_back(time);
  bench.add({stream(falling), stream(falling, 10'000)});
  const auto seen = bench.drain(UINT64_MAX);
  REQUIRE(seen.size() == 10'000);
  for (size_t i = 0; i < seen.size(); ++i) REQUIRE(seen[i].time == i / 2 + 1);
}

// Streams by CPU, cut into rounds at moments; a horizon never passes what is still to come.
TEST_CASE("whatever the streams and the cuts, the order is that of a stable sort") {
  std::mt19937 random(11);
  const auto below = [&](size_t limit) { return random() % limit; };
  for (int turn = 0; turn < 300; ++turn) {
    const size_t cpus = 1 + below(6), rounds = 1 + below(8), spread = 1 + below(40);
    Bench bench;
    std::vector<Seen> expected, got;
    uint64_t number = 0, now = 1;
    for (size_t round = 0; round < rounds; ++round) {
      std::vector<std::vector<Seen>> streams(cpus);
      for (auto& records : streams) {
        for (size_t count = below(30); count > 0; --count)
          records.push_back({now + below(spread), number++});
        if (below(3) != 0) {
          std::stable_sort(records.begin(), records.end(),
                           [](const Seen& a, const Seen& b) { return a.time < b.time; });
        }
        expected.insert(expected.end(), records.begin(), records.end());
      }
      bench.add(streams);
      // Later rounds begin after `now + spread - 1`; at the horizon itself ties may span rounds.
      const uint64_t horizon = now + spread - 1;
      now += below(2) == 0 ? spread - 1 : spread;
      for (;;) {
        const size_t step = 1 + below(50);
        const auto part = bench.drain(round + 1 == rounds ? UINT64_MAX : horizon, step);
        got.insert(got.end(), part.begin(), part.end());
        if (part.size() < step) break;
      }
    }
    // Ties: by the order of the runs, which is that of the records in memory.
    std::stable_sort(expected.begin(), expected.end(),
                     [](const Seen& a, const Seen& b) { return a.time < b.time; });
    REQUIRE(got == expected);
    REQUIRE(bench.counted == expected.size());
  }
}

TEST_CASE("late records change the order but never the number") {
  std::mt19937 random(12);
  for (int turn = 0; turn < 200; ++turn) {
    Bench bench;
    uint64_t number = 0;
    std::vector<bool> delivered;
    const auto drain = [&](uint64_t horizon) {
      for (const Seen& seen : bench.drain(horizon)) {
        REQUIRE_FALSE(delivered[seen.number]);
        delivered[seen.number] = true;
      }
    };
    for (int round = 0; round < 10; ++round) {
      std::vector<std::vector<Seen>> streams(3);
      for (auto& records : streams) {
        for (size_t count = random() % 20; count > 0; --count)
          records.push_back({random() % 1000, number++});
      }
      delivered.resize(number);
      bench.add(streams);
      drain(random() % 1000);
    }
    drain(UINT64_MAX);
    REQUIRE(std::count(delivered.begin(), delivered.end(), true) == static_cast<long>(number));
    REQUIRE(bench.counted == number);
    REQUIRE(bench.merger.run_count() == 0);
  }
}
