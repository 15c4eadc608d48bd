#include "source/run_scan.h"

#include <catch2/catch.hpp>
#include <vector>

#include "support/record_writer.h"

using namespace oc::test;
using namespace oc::source;

namespace {

/// The runs of samples with these times, lying one behind the other.
std::vector<Run> runs_of(const std::vector<uint64_t>& times, uint64_t* newest = nullptr) {
  static const auto table = make_table({{plain_attr(), {}}});
  static const RecordClock clock(table);
  static RecordWriter w(plain_attr());  // runs point into it
  w = RecordWriter(plain_attr());
  for (const uint64_t time : times) w.sample({.time = time});
  std::vector<Run> runs;
  uint64_t order = 0;
  RunScan scan(clock, runs, order);
  for (const size_t at : w.starts) {
    const uint8_t* record = w.bytes.data() + at;
    scan.add(record, record_header(record), 1000 + at, 3);
  }
  scan.cut();
  CHECK(scan.records() == times.size());
  CHECK(scan.bytes() == w.bytes.size());
  if (newest != nullptr) *newest = scan.newest();
  return runs;
}

std::vector<uint64_t> first_times(const std::vector<Run>& runs) {
  std::vector<uint64_t> times;
  for (const Run& run : runs) times.push_back(run.time);
  return times;
}

}  // namespace

TEST_CASE("a run ends where time falls") {
  uint64_t newest = 0;
  CHECK(first_times(runs_of({3, 5, 9, 4, 4, 8, 1}, &newest)) == std::vector<uint64_t>{3, 4, 1});
  CHECK(newest == 9);
}

TEST_CASE("no records are no runs, equal times are one run") {
  CHECK(runs_of({}).empty());
  CHECK(runs_of({7, 7, 7}).size() == 1);
}

TEST_CASE("untimed records are runs of their own") {
  CHECK(first_times(runs_of({0, 0, 5, 0, 6, ~0ull})) == std::vector<uint64_t>{0, 5, 0, 6, 0});
}

TEST_CASE("a run knows its stream, its place in it, and that it came after the one before") {
  const auto runs = runs_of({5, 6, 1});
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].stream == 3);
  CHECK(runs[0].position == 1000);
  CHECK(runs[1].position == 1000 + 2 * 40);
  CHECK(runs[0].end == runs[1].at);
  CHECK(runs[0].order < runs[1].order);
}

TEST_CASE("records that do not touch are not one run") {
  const auto table = make_table({{plain_attr(), {}}});
  const RecordClock clock(table);
  RecordWriter w(plain_attr());
  w.sample({.time = 1}).round().sample({.time = 2});
  std::vector<Run> runs;
  uint64_t order = 0;
  RunScan scan(clock, runs, order);
  for (const size_t i : {0u, 2u}) {
    const uint8_t* record = w.bytes.data() + w.starts[i];
    scan.add(record, record_header(record), w.starts[i], 0);
  }
  scan.cut();
  CHECK(runs.size() == 2);
}

TEST_CASE("outside of the window samples are in no run, but count, and move the newest time") {
  const auto table = make_table({{plain_attr(), {}}});
  const RecordClock clock(table);
  RecordWriter w(plain_attr());
  w.sample({.time = 1}).sample({.time = 4}).comm({.time = 5}, 1, 1, "sh").sample({.time = 6});
  w.context_switch({.time = 7}, true).lost({.time = 8}, 1, 3).sample({.time = 0});
  w.sample({.time = 10}).sample({.time = 15}).sample({.time = 20}).sample({.time = ~0ull});
  w.sample({.time = 21}).context_switch({.time = 22}, true).sample({.time = 12});
  w.comm({.time = 0}, 1, 1, "untimed").sample({.time = 30});
  std::vector<Run> runs;
  uint64_t order = 0;
  RunScan scan(clock, runs, order, Window{10, 20});
  const uint8_t* const end = w.bytes.data() + w.bytes.size();
  for (const uint8_t* at = w.bytes.data(); (at = scan.take_samples(at, end, end)) < end;) {
    const RecordHeader header = record_header(at);
    scan.add(at, header, 0, 0);
    at += header.size_bytes;
  }
  scan.cut();
  CHECK(first_times(runs) == std::vector<uint64_t>{5, 8, 10, 12, 0});
  CHECK(runs[2].end - runs[2].at == 3 * 40);
  CHECK(scan.records() == w.starts.size());
  CHECK(scan.bytes() == w.bytes.size());
  CHECK(scan.newest() == 30);
}

TEST_CASE("a window has both its ends, and no time lies in none") {
  constexpr Window window{10, 20};
  CHECK(window.has(10));
  CHECK(window.has(20));
  CHECK_FALSE(window.has(9));
  CHECK_FALSE(window.has(21));
  CHECK_FALSE(window.has(0));
  CHECK_FALSE(window.has(~0ull));
  CHECK(Window{}.has(0));
  CHECK(Window{}.has(Window::kNoEnd));
  CHECK_FALSE(Window{}.has(~0ull));
}
