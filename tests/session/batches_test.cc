// How a decoder cuts a trace into batches: limits, `until`, and bytes that stay lent until given back.

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "support/fake_run.h"

using namespace oc::test;

namespace {

const perf_event_attr kIpAttr = plain_attr(PERF_SAMPLE_IP);

oc::event::EventTable ip_kind() { return make_table({{kIpAttr, {1}}}); }

ByteVector ip_samples(const std::vector<uint64_t>& times, uint64_t first_number = 0) {
  RecordWriter w(kIpAttr);
  for (const uint64_t time : times) w.sample({.time = time, .id = 1, .ip = first_number++});
  return w.bytes;
}

/// 1, 2, … n
std::vector<uint64_t> count_up(uint64_t n) {
  std::vector<uint64_t> times(n);
  for (uint64_t i = 0; i < n; ++i) times[i] = i + 1;
  return times;
}

}  // namespace

TEST_CASE("a trace larger than a batch comes in several, none empty but the last") {
  for (const size_t capacity : {1u, 3u, 7u, 100u}) {
    FakeRun run(ip_kind());
    run.want_all().capacity = capacity;
    run.source.round({{0, ip_samples(count_up(21))}}, 50).last();
    std::vector<SeenEvent> seen;
    double until = -1;
    do {
      REQUIRE(run.step(seen));
      CHECK((run.batch.count > 0 || run.batch.is_last));
      CHECK(run.batch.count <= capacity);
      CHECK(run.batch.until >= until);
      until = run.batch.until;
      // Everything before `until` has been delivered.
      if (!run.batch.is_last) CHECK(static_cast<double>(seen.size()) >= until);
      CHECK(run.batch.counts.delivered == seen.size());
    } while (!run.batch.is_last);
    CHECK(seen.size() == 21);
    CHECK(until == 49);
  }
}

TEST_CASE("after a number of events the run ends") {
  for (const uint64_t limit : {1u, 5u, 16u, 20u, 21u, 1000u}) {
    FakeRun run(ip_kind());
    run.want_all().selection.max_events = limit;
    run.source.round({{0, ip_samples(count_up(21))}}, 50).last();
    const auto seen = run.all();
    CHECK(seen.size() == std::min<uint64_t>(limit, 21));
    CHECK(run.batch.is_last);
    if (limit <= 21) CHECK(run.batch.until == static_cast<double>(limit - 1));
  }
}

TEST_CASE("after a span of time the run ends, and the span is told as covered") {
  for (const uint64_t span : {0u, 5u, 20u, 30u}) {
    FakeRun run(ip_kind());
    run.want_all().selection.max_span = span;
    run.source.round({{0, ip_samples(count_up(21))}}, 21).last();
    const auto seen = run.all();
    CHECK(seen.size() == std::min<uint64_t>(span + 1, 21));
    CHECK(run.batch.is_last);
    CHECK(run.batch.until == static_cast<double>(std::min<uint64_t>(span, 20)));
  }
}

TEST_CASE("a span longer than time itself does not wrap around") {
  FakeRun run(ip_kind());
  run.want_all().selection.max_span = UINT64_MAX - 5;
  run.source.round({{0, ip_samples({1000, 2000})}}, 2000).last();
  CHECK(run.all().size() == 2);
}

TEST_CASE("a given beginning is time zero") {
  FakeRun run(ip_kind());
  run.want_all().selection.start = 90;
  run.source.round({{0, ip_samples({100, 80})}}, 100).last();
  const auto seen = run.all();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].time == -10);
  CHECK(seen[1].time == 10);
  CHECK(run.batch.counts.start_time == 90);
}

TEST_CASE("live, what there is is handed over, and an idle machine gives empty batches") {
  FakeRun run(ip_kind());
  run.want_all().selection.is_live = true;
  run.selection.start = 1;
  run.source.is_endless = true;
  run.source.round({{0, ip_samples({5, 50})}}, 10).round({}, 20).round({}, 60);
  std::vector<SeenEvent> seen;
  const double untils[] = {9, 19, 59, 59};
  const uint32_t counts[] = {1, 0, 1, 0};
  for (int i = 0; i < 4; ++i) {
    REQUIRE(run.step(seen));
    CHECK_FALSE(run.batch.is_last);
    CHECK(run.batch.count == counts[i]);
    CHECK(run.batch.until == untils[i]);
  }
}

TEST_CASE("bytes go back to the source only when their batch was given back") {
  FakeRun run(ip_kind());
  run.want_all().selection.is_live = true;
  run.selection.start = 1;
  run.source.is_endless = true;
  const auto two = ip_samples({5, 15});
  run.source.round({{0, two}}, 10).round({}, 20).round({}, 30);
  std::vector<SeenEvent> seen;
  REQUIRE(run.step(seen));
  CHECK(run.source.released(0) == 0);  // the first record is lent
  REQUIRE(run.step(seen));  // it was given back; the second is not yet complete, then lent
  CHECK(run.source.released(0) == two.size() / 2);
  REQUIRE(run.step(seen));
  CHECK(run.source.released(0) == two.size());
}

TEST_CASE("records that nobody asked for do not hold the ring back") {
  FakeRun run(ip_kind());
  run.selection.is_live = true;
  run.source.is_endless = true;
  const auto bytes = ip_samples(count_up(10));
  run.source.round({{0, bytes}}, 100);
  std::vector<SeenEvent> seen;
  REQUIRE(run.step(seen));
  REQUIRE(run.step(seen));
  CHECK(run.source.released(0) == bytes.size());
}

// The fake overwrites what is released: an event of a batch still held would show it.
TEST_CASE("whatever arrives, lent bytes are whole and every record is delivered once") {
  std::mt19937 random(21);
  for (int turn = 0; turn < 100; ++turn) {
    FakeRun run(ip_kind());
    run.want_all().selection.is_live = turn % 2 == 0;
    run.selection.start = 1;
    run.capacity = 1 + random() % 20;
    uint64_t number = 0, now = 1;
    const size_t rounds = 1 + random() % 20;
    for (size_t i = 0; i < rounds; ++i) {
      std::vector<FakeSource::Piece> pieces;
      for (uint32_t stream = 0; stream < 4; ++stream) {
        if (random() % 3 == 0) continue;
        RecordWriter w(kIpAttr);
        for (size_t count = random() % 12; count > 0; --count) {
          const Fields fields{.time = now + random() % 50, .id = 1, .ip = number++};
          w.sample(fields);
        }
        pieces.push_back({stream, std::move(w.bytes)});
      }
      now += random() % 50;  // may make the next round's records late
      run.source.round(std::move(pieces), now);
    }
    run.source.last();
    std::vector<bool> found(number);
    std::vector<SeenEvent> seen;
    do {
      seen.clear();
      REQUIRE(run.step(seen));
      for (const SeenEvent& event : seen) {
        REQUIRE(event.record.size() == 48);
        const auto ip = oc::base::load<uint64_t>(event.record.data() + 16);
        REQUIRE(ip < number);
        REQUIRE_FALSE(found[ip]);
        found[ip] = true;
      }
      // Still lent: nothing of it was overwritten while the batch was filled.
      for (uint32_t i = 0; i < run.batch.count; ++i)
        REQUIRE(run.copy(run.batch.events[i]).record == seen[i].record);
    } while (!run.batch.is_last);
    REQUIRE(std::count(found.begin(), found.end(), true) == static_cast<long>(number));
    REQUIRE(run.batch.counts.records == number);
    REQUIRE(run.source.rewound == 0);
    REQUIRE(run.source.beyond == 0);
  }
}

TEST_CASE("when the source fails, what was read before is in the batch, and its numbers too") {
  FakeRun run(ip_kind());
  run.want_all();
  run.source.round({{0, ip_samples({5, 6, 7})}}, 6);
  run.source.fail(oc::base::make_error(oc::base::Code::kSystem, "the disk is gone"));
  std::vector<SeenEvent> seen;
  const auto status = run.step(seen);
  REQUIRE_FALSE(status);
  CHECK(status.error().what == "the disk is gone");
  CHECK(seen.size() == 2);
  CHECK(run.batch.counts.delivered == 2);
  CHECK(run.batch.counts.records == 3);
  CHECK(run.batch.until == 1);
}
