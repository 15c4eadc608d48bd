// A spool between a live source and its reader: order, bounds, what waits when it is full, ends.

#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "session/spooled_source.h"
#include "support/fake_run.h"

using namespace oc::test;
using oc::session::SpooledSource;
using std::chrono::milliseconds;

namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr milliseconds kLong{10'000};

const perf_event_attr kSpooledAttr = tracepoint_attr(7);

oc::event::EventTable table() { return make_table({{kSpooledAttr, {1}}}); }

/// Samples of about 1 KiB each whose times are from `first` on, `step` apart.
ByteVector samples(uint64_t count, uint64_t first, uint64_t step = 1) {
  RecordWriter w(kSpooledAttr);
  const ByteVector payload(1000, 0x5a);
  for (uint64_t i = 0; i < count; ++i) w.raw_sample({.time = first + i * step, .id = 1}, payload);
  return w.bytes;
}

bool is_odd(uint32_t stream) { return stream % 2 != 0; }
bool is_none(uint32_t) { return false; }

/// What a reader got of each stream, and checks on the way.
struct Read {
  std::map<uint32_t, ByteVector> bytes;
  uint64_t horizon = 0;
  bool is_last = false;
  oc::base::Status status;

  /// Until the end, or until a round brings nothing within `wait`.
  void all(SpooledSource& spool, milliseconds wait = kLong) {
    oc::source::Round round;
    while (!is_last) {
      if (status = spool.next_round(wait, round); !status) return;
      CHECK(round.horizon >= horizon);
      horizon = round.horizon;
      is_last = round.is_last;
      for (const auto& span : round.spans) {
        auto& of = bytes[span.stream];
        CHECK(span.position == of.size());
        of.insert(of.end(), span.begin, span.end);
        spool.release(span.stream, of.size());
      }
      if (round.spans.empty() && wait < kLong) return;
    }
  }
};

/// Waits until the spool's thread has done something.
template <typename Done>
bool await(Done&& done) {
  const auto end = std::chrono::steady_clock::now() + kLong;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

}  // namespace

TEST_CASE("what a spool kept is delivered as the source told it, and given back to it at once") {
  FakeSource source(table());
  ByteVector even, odd;
  for (uint64_t i = 0; i < 50; ++i) {
    const auto a = samples(30, i * 100), b = samples(7, i * 100 + 50);
    even.insert(even.end(), a.begin(), a.end());
    odd.insert(odd.end(), b.begin(), b.end());
    source.round({{0, a}, {1, b}}, i * 100 + 99);
  }
  source.last();
  SpooledSource spool;
  REQUIRE(spool.begin(source, 64 * kMiB, is_odd));
  Read read;
  read.all(spool);
  CHECK(read.status);
  CHECK(read.horizon == 4999);
  CHECK(read.bytes[0] == even);
  CHECK(read.bytes[1] == odd);
  spool.finish();
  CHECK(source.released(0) == even.size());
  CHECK(source.released(1) == odd.size());
  CHECK(source.beyond == 0);
  CHECK(source.rewound == 0);
  CHECK(spool.counts().used_bytes <= kMiB);  // the block that is being written
  CHECK(spool.counts().times_full == 0);
}

TEST_CASE("a decoder gets the same events in the same order from a spool as from the source") {
  const auto fill = [](FakeSource& source) {
    for (uint64_t i = 0; i < 20; ++i)
      source.round({{0, samples(40, i * 100, 2)}, {1, samples(40, i * 100 + 1, 2)}}, i * 100 + 40);
    source.last();
  };
  FakeRun direct(table());
  fill(direct.source);
  const auto expected = direct.want_all().all();
  FakeRun spooled(table());
  fill(spooled.source);
  SpooledSource spool;
  REQUIRE(spool.begin(spooled.source, 64 * kMiB, is_none));
  spooled.want_all().selection.is_live = true;
  oc::session::Decoder decoder(spool, spooled.model, spooled.selection);
  spooled.batch.events.resize(1000);
  std::vector<SeenEvent> seen;
  do {
    REQUIRE(decoder.fill(kLong, spooled.batch));
    for (uint32_t i = 0; i < spooled.batch.count; ++i)
      seen.push_back(spooled.copy(spooled.batch.events[i]));
  } while (!spooled.batch.is_last);
  REQUIRE(seen.size() == expected.size());
  REQUIRE(seen.size() == 1600);
  for (size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].time == expected[i].time);
    CHECK(seen[i].record == expected[i].record);
  }
  CHECK(spooled.batch.counts.late == 0);
}

TEST_CASE("a full spool leaves what follows in the rings, and nothing is lost between the two") {
  FakeSource source(table());
  constexpr uint64_t kRounds = 40;
  ByteVector all;
  for (uint64_t i = 0; i < kRounds; ++i) {
    const auto some = samples(400, i * 1000);  // about 0.4 MB
    all.insert(all.end(), some.begin(), some.end());
    source.round({{0, some}}, i * 1000 + 999);
  }
  source.is_endless = true;
  std::atomic<bool> may_end{false};
  source.before_round = [&](size_t at) {
    if (at >= kRounds) std::this_thread::sleep_for(milliseconds(1));
    if (at >= kRounds) source.is_endless = !may_end;
  };
  SpooledSource spool;
  REQUIRE(spool.begin(source, 4 * kMiB, is_none));
  REQUIRE(await([&] { return spool.counts().times_full > 0; }));
  {
    // All rounds were read from the rings, which have most of them still.
    REQUIRE(await([&] {
      const SpooledSource::Visit visit(&spool);
      return source.rounds_taken() == kRounds;
    }));
    const SpooledSource::Visit visit(&spool);
    CHECK(source.released(0) < 4 * kMiB);
    CHECK(source.written(0) == all.size());
  }
  CHECK(spool.counts().used_bytes <= 4 * kMiB);
  Read read;
  read.all(spool, milliseconds(500));
  may_end = true;
  read.all(spool);
  CHECK(read.bytes[0] == all);
  CHECK(read.horizon == kRounds * 1000 - 1);
  spool.finish();
  CHECK(source.released(0) == all.size());
  // What was left in the rings came in one piece, on top of the block that was written then.
  CHECK(spool.counts().most_used_bytes <= all.size() + 4 * kMiB);
}

TEST_CASE(
    "names go ahead of samples that wait for room, and wait themselves only behind a quarter "
    "more") {
  FakeSource source(table());
  source.round({{0, samples(2500, 0)}}, 5000);                            // 2.6 MB
  source.round({{1, samples(5, 5001)}, {0, samples(2500, 6000)}}, 9000);  // do not fit as a whole
  source.round({{1, samples(3, 9001)}}, 9500);
  source.is_endless = true;
  source.before_round = [](size_t at) {
    if (at >= 3) std::this_thread::sleep_for(milliseconds(1));
  };
  SpooledSource spool;
  REQUIRE(spool.begin(source, 5 * kMiB, is_odd));
  REQUIRE(await([&] {
    const SpooledSource::Visit visit(&spool);
    return source.rounds_taken() == 3;
  }));
  {
    const SpooledSource::Visit visit(&spool);
    CHECK(source.released(1) == source.written(1));
    CHECK(source.released(0) < source.written(0));
  }
  oc::source::Round round;
  REQUIRE(spool.next_round(kLong, round));
  CHECK(round.horizon == 5000);  // what is behind that is not whole
  std::set<uint32_t> streams;
  for (const auto& span : round.spans) {
    streams.insert(span.stream);
    spool.release(span.stream, span.position + static_cast<uint64_t>(span.end - span.begin));
  }
  CHECK(streams == std::set<uint32_t>{0, 1});
  uint64_t bytes = 0;
  while (round.horizon != 9500) {
    REQUIRE(spool.next_round(kLong, round));
    for (const auto& span : round.spans) bytes += static_cast<uint64_t>(span.end - span.begin);
  }
  CHECK(bytes == samples(2500, 0).size());
}

TEST_CASE("the last round waits for room, and the end is told behind it") {
  FakeSource source(table());
  ByteVector all;
  for (uint64_t i = 0; i < 10; ++i) {
    const auto some = samples(1500, i * 10000);
    all.insert(all.end(), some.begin(), some.end());
    source.round({{0, some}}, i * 10000 + 9999);
  }
  source.last();
  SpooledSource spool;
  REQUIRE(spool.begin(source, 3 * kMiB, is_none));
  REQUIRE(await([&] { return spool.counts().times_full > 0; }));
  Read read;
  read.all(spool);
  CHECK(read.bytes[0] == all);
  oc::source::Round round;
  REQUIRE(spool.next_round(kLong, round));  // at once, and again the end
  CHECK(round.is_last);
}

TEST_CASE("what came before a source failed is delivered, then the failure") {
  FakeSource source(table());
  source.round({{0, samples(3, 1)}}, 10);
  source.fail(oc::base::make_error(oc::base::Code::kSystem, "the ring is gone"));
  SpooledSource spool;
  REQUIRE(spool.begin(source, 4 * kMiB, is_none));
  Read read;
  read.all(spool);
  REQUIRE_FALSE(read.status);
  CHECK(read.status.error().what == "the ring is gone");
  CHECK(read.bytes[0] == samples(3, 1));
}

TEST_CASE(
    "a spool can be ended at any time: without a source, when it is full, while its reader is "
    "away") {
  { const SpooledSource never_begun; }
  for (const bool has_last : {false, true}) {
    FakeSource source(table());
    for (uint64_t i = 0; i < 10; ++i) source.round({{0, samples(1500, i * 10000)}}, i * 10000);
    if (has_last) source.last();
    source.is_endless = true;
    source.before_round = [](size_t at) {
      if (at >= 10) std::this_thread::sleep_for(milliseconds(1));
    };
    SpooledSource spool;
    REQUIRE(spool.begin(source, 2 * kMiB, is_none));
    REQUIRE(await([&] { return spool.counts().times_full > 0; }));
    spool.finish();
    spool.finish();
  }
}

TEST_CASE("a descriptor is readable while there is something, and a wake-up ends a wait") {
  FakeSource source(table());
  std::atomic<bool> may_go{false};
  source.round({{0, samples(3, 1)}}, 10);
  source.is_endless = true;
  source.before_round = [&](size_t) {
    while (!may_go) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(1));
  };
  SpooledSource spool;
  REQUIRE(spool.begin(source, 4 * kMiB, is_none));
  const auto is_ready = [&](int ms) {
    pollfd ready{spool.ready_fd(), POLLIN, 0};
    return poll(&ready, 1, ms) == 1;
  };
  CHECK_FALSE(is_ready(0));
  may_go = true;
  CHECK(is_ready(static_cast<int>(kLong.count())));
  oc::source::Round round;
  REQUIRE(spool.next_round(kLong, round));
  CHECK(round.spans.size() == 1);
  CHECK_FALSE(is_ready(0));
  spool.wake();
  REQUIRE(spool.next_round(kLong, round));
  CHECK(round.spans.empty());
}

TEST_CASE("while somebody visits, the thread leaves the source alone") {
  FakeSource source(table());
  source.is_endless = true;
  std::atomic<int> turns{0};
  source.before_round = [&](size_t) {
    ++turns;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  };
  SpooledSource spool;
  REQUIRE(spool.begin(source, 4 * kMiB, is_none));
  for (int i = 0; i < 50; ++i) {
    REQUIRE(await([&, before = turns.load()] { return turns > before; }));
    const SpooledSource::Visit visit(&spool);
    const int before = turns;
    std::this_thread::sleep_for(milliseconds(1));
    CHECK(turns == before);
  }
}
