// Descriptors that take over from others: each event is told once, whichever way the halves' times fall.

#include "session/hand_over.h"

#include <catch2/catch.hpp>

using oc::session::HandOver;
using oc::session::HandOvers;

namespace {

const uint8_t kOne[] = {1, 2, 3};
const uint8_t kTwo[] = {1, 2, 4};

constexpr uint64_t kOlder = 5, kNewer = 9;

HandOver::Sample of(uint64_t id, uint64_t time, std::span<const uint8_t> payload = kOne,
                    int32_t cpu = 0, int32_t tid = 7) {
  return {id, time, cpu, tid, payload};
}

HandOvers make() {
  HandOvers overs;
  overs.add(HandOver(3, 100, 200, {kOlder}, {kNewer}), 300);
  return overs;
}

}  // namespace

TEST_CASE("an event that both wrote is told once, on either side and across the moment of change") {
  for (const uint64_t newer : {150u, 199u, 200u, 250u}) {
    for (const uint64_t apart : {1u, 30u, 100u}) {
      HandOvers over = make();
      const bool first = over.tells(of(kNewer, newer));
      const bool second = over.tells(of(kOlder, newer + apart));
      CHECK(first != second);
      HandOvers other_way = make();
      CHECK(other_way.tells(of(kOlder, newer)) != other_way.tells(of(kNewer, newer + apart)));
    }
  }
}

TEST_CASE("events that look alike are told each") {
  HandOvers over = make();
  CHECK(over.tells(of(kOlder, 90)));   // the newer did not write yet
  CHECK(over.tells(of(kNewer, 210)));  // and this is another event
  CHECK(over.tells(of(kNewer, 220)));
  HandOvers both = make();
  int told = 0;
  for (uint64_t i = 0; i < 10; ++i) {
    told += both.tells(of(kNewer, 150 + i * 10)) ? 1 : 0;
    told += both.tells(of(kOlder, 155 + i * 10)) ? 1 : 0;
  }
  CHECK(told == 10);
}

TEST_CASE(
    "of events that only one of the two let through, the older tells before, the newer behind") {
  HandOvers over = make();
  CHECK(over.tells(of(kOlder, 150)));
  CHECK_FALSE(over.tells(of(kNewer, 160, kTwo)));
  CHECK_FALSE(over.tells(of(kOlder, 205)));
  CHECK(over.tells(of(kNewer, 210, kTwo)));
  CHECK(over.tells(of(1, 1)));  // nobody's
}

TEST_CASE("halves are of one CPU and one thread") {
  HandOvers over = make();
  CHECK_FALSE(over.tells(of(kNewer, 199)));
  CHECK_FALSE(over.tells(of(kOlder, 200, kOne, 1)));
  CHECK_FALSE(over.tells(of(kOlder, 200, kOne, 0, 8)));
}

TEST_CASE("what is newer in one may be older in the next, and each ends by itself") {
  HandOvers overs = make();  // 5, then 9 from 200 on, then 12 from 500 on
  overs.add(HandOver(3, 450, 500, {kNewer}, {12}), 600);
  CHECK(overs.has(3));
  CHECK_FALSE(overs.has(2));
  CHECK(overs.tells(of(kOlder, 150)));
  CHECK_FALSE(overs.tells(of(kNewer, 151)));
  CHECK(overs.tells(of(kNewer, 300)));
  CHECK_FALSE(overs.tells(of(12, 490)));
  CHECK(overs.tells(of(kNewer, 491)));
  CHECK(overs.tells(of(12, 510)));
  CHECK_FALSE(overs.tells(of(kNewer, 511)));
  CHECK_FALSE(overs.forget_before(300));
  CHECK(overs.forget_before(301));
  CHECK(overs.tells(of(kOlder, 900)));  // of nobody now
  CHECK_FALSE(overs.tells(of(kNewer, 520)));
  CHECK(overs.forget_before(601));
  CHECK(overs.is_empty());
  CHECK(overs.tells(of(kNewer, 520)));
}
