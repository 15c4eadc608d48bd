#include "session/flight_spool.h"

#include <catch2/catch.hpp>

using namespace oc::session;

namespace {

constexpr oc::base::Nanos kSecond = 1'000'000'000;

void add(FlightSpool& spool, oc::base::Nanos now, size_t bytes = 100, size_t rundown = 3) {
  if (spool.wants_segment(now))
    spool.begin_segment({std::vector<uint8_t>(rundown, 1), {}, {}, now});
  const std::vector<uint8_t> data(bytes, 7);
  oc::source::Span span;
  span.begin = data.data();
  span.end = data.data() + data.size();
  spool.add(std::span(&span, 1), now);
}

}  // namespace

TEST_CASE("a window of time is always covered, and not much more") {
  FlightSpool spool({.time = 10 * kSecond}, 1 << 30);
  for (oc::base::Nanos now = 0; now < 100 * kSecond; now += kSecond / 10) {
    add(spool, now);
    const auto first = spool.segments().front().began;
    CHECK((first == 0 || now - first >= 10 * kSecond));
    CHECK(now - first <= 16 * kSecond);
  }
  CHECK(!spool.is_cut_short());
}

TEST_CASE("a window of bytes is covered, and a quarter more") {
  FlightSpool spool({.bytes = 40'000}, 1 << 30);
  for (int i = 0; i < 5000; ++i) {
    add(spool, static_cast<oc::base::Nanos>(i));
    if (i > 1000) CHECK(spool.size_bytes() >= 40'000);
    CHECK(spool.size_bytes() <= 51'000);
  }
}

TEST_CASE("memory is bounded, and what the limit costs is told") {
  FlightSpool spool({.time = 10 * kSecond}, 100'000);
  for (int i = 0; i < 5000; ++i) {
    add(spool, static_cast<oc::base::Nanos>(i) * 1000, 1000);
    CHECK(spool.size_bytes() <= 102'000);
  }
  CHECK(spool.is_cut_short());
}

TEST_CASE("a dump keeps its rounds while they are dropped") {
  FlightSpool spool({.bytes = 1000}, 1 << 20);
  add(spool, 1, 500);
  const auto kept = spool.segments().front().rounds.front();
  for (int i = 0; i < 50; ++i) add(spool, 2, 500);
  CHECK(spool.segments().front().rounds.front() != kept);
  CHECK(kept->records().size() == 500);
  CHECK(kept->records()[499] == 7);
}

TEST_CASE("a window of bytes does not count what ran when a segment began") {
  FlightSpool spool({.bytes = 40'000}, 1 << 30);
  for (int i = 0; i < 5000; ++i) add(spool, static_cast<oc::base::Nanos>(i), 100, 30'000);
  uint64_t rounds = 0;
  for (const auto& segment : spool.segments()) rounds += segment.round_bytes;
  CHECK(rounds >= 40'000);
  CHECK(rounds <= 51'000);
}

TEST_CASE("a dump that is slower than the events takes a quarter more memory, until it lets go") {
  FlightSpool spool({.time = kSecond}, 100'000);
  const auto fill = [&](int turns) {
    for (int i = 0; i < turns && spool.has_room_beside_dump(); ++i) add(spool, 1, 1000);
  };
  fill(95);
  std::vector<std::shared_ptr<const FlightSpool::Round>> dump;
  for (const auto& segment : spool.segments())
    dump.insert(dump.end(), segment.rounds.begin(), segment.rounds.end());
  fill(5000);
  CHECK(!spool.has_room_beside_dump());
  CHECK(spool.size_bytes() <= 102'000);
  // What is written and was dropped is free again.
  for (auto& round : dump) round.reset();
  CHECK(spool.has_room_beside_dump());
  fill(5000);
  CHECK(spool.has_room_beside_dump());
  CHECK(spool.size_bytes() <= 102'000);
}
