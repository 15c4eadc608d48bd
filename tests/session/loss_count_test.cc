#include "session/loss_count.h"

#include <catch2/catch.hpp>

using oc::session::add_missing;
using oc::source::Loss;

namespace {

Loss lost(int32_t cpu, uint32_t event, uint64_t records) {
  Loss loss;
  loss.cpu = cpu;
  loss.event = event;
  loss.records = records;
  return loss;
}

}  // namespace

TEST_CASE("what the kernel counted and what records told are never added up") {
  const auto losses = add_missing({lost(0, 1, 5), lost(0, 2, 3)}, {{0, 8}});
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].records + losses[1].records == 8);
}

TEST_CASE("where records told of more on a CPU, the rest is of no known event") {
  const auto losses = add_missing({lost(0, 1, 5)}, {{0, 7}, {3, 2}});
  REQUIRE(losses.size() == 3);
  CHECK(losses[1].cpu == 0);
  CHECK(losses[1].records == 2);
  CHECK(losses[1].event == oc::event::EventTable::kUnknown);
  CHECK(losses[2].cpu == 3);
  CHECK(losses[2].records == 2);
}
