#include "machine/replay.h"

#include <catch2/catch.hpp>

#include "support/sample_maker.h"

using namespace oc;
using namespace oc::machine;

namespace {

std::vector<Replay::Moment> all_of(Machine& machine, Filter filter = {}) {
  auto selection = Selection::make(machine, std::move(filter));
  REQUIRE(selection);
  Replay replay(*selection);
  std::vector<Replay::Moment> moments;
  for (Replay::Moment moment; replay.next(&moment);) moments.push_back(moment);
  return moments;
}

}  // namespace

TEST_CASE("processes, spans and samples come in order of time, beginnings first") {
  Machine machine;
  test::SampleMaker maker(machine);
  machine.processes.fork(10, 0, 5, 5, 1, "p");
  maker.add("cycles", 10, 1, 5, 5, "p", 0);
  maker.add("cycles", 30, 1, 5, 5, "p", 0);
  Span span;
  span.start = 10;
  span.end = 30;
  machine.spans.add(span);
  machine.processes.exit(30, 0, 5, 5);
  using What = Replay::What;
  std::vector<What> what;
  for (const auto& moment : all_of(machine)) what.push_back(moment.what);
  CHECK(what == std::vector<What>{What::kProcessStart, What::kThreadStart, What::kSpanStart,
                                  What::kSample, What::kSample, What::kSpanEnd, What::kThreadEnd,
                                  What::kProcessEnd});
}

TEST_CASE("samples that were added out of order are replayed in order, over chunks") {
  Machine machine;
  test::SampleMaker maker(machine);
  constexpr int kCount = 40'000;
  for (int i = 0; i < kCount; ++i) maker.add("a", (i * 7919) % kCount, 1, 1, 1, "p", 0, i % 4);
  Filter filter;
  filter.cpus = {2};
  int64_t last = INT64_MIN;
  int samples = 0;
  for (const auto& moment : all_of(machine, filter)) {
    CHECK(moment.time >= last);
    last = moment.time;
    samples += moment.what == Replay::What::kSample;
  }
  CHECK(samples == kCount / 4);
}

TEST_CASE("what is there in order is not sorted, and a selection is kept") {
  Machine machine;
  test::SampleMaker maker(machine);
  for (int i = 0; i < 40'000; ++i) maker.add(i % 2 ? "a" : "b", i, 1, 1, 1, "p", 0);
  REQUIRE(machine.samples.is_ordered());
  Filter filter;
  filter.kinds = {"a"};
  int64_t next = 1;
  for (const auto& moment : all_of(machine, filter)) {
    if (moment.what != Replay::What::kSample) continue;
    CHECK(moment.time == next);
    next += 2;
  }
  CHECK(next == 40'001);
}

TEST_CASE("an empty machine has nothing to replay") {
  Machine machine;
  CHECK(all_of(machine).empty());
}
