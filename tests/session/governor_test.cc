#include "session/governor.h"

#include <catch2/catch.hpp>

using oc::session::Governor;

namespace {
constexpr uint64_t kStep = 500'000'000;
}

TEST_CASE("below the limit nothing changes") {
  Governor governor(0.02, 2);
  for (uint64_t i = 1; i < 20; ++i) CHECK_FALSE(governor.update(i * kStep, i * 10'000'000));  // 1 %
  CHECK(governor.share() == 1);
  CHECK(governor.most_used() == Approx(0.01));
}

TEST_CASE(
    "above the limit the rate falls until the limit holds, and rises again when there is room") {
  // A machine of one CPU, on which oc needs 8 % at the full rate.
  Governor governor(0.02, 1);
  uint64_t now = kStep, cpu = 0;
  double per_interval = 0.08;
  const auto run = [&](int intervals) {
    for (int i = 0; i < intervals; ++i) {
      now += kStep;
      cpu += static_cast<uint64_t>(per_interval * governor.share() * kStep);
      governor.update(now, cpu);
    }
  };
  governor.update(now, cpu);
  run(3);
  CHECK(governor.share() * 0.08 <= 0.02);
  CHECK(governor.share() * 0.08 > 0.01);
  CHECK(governor.least_share() == governor.share());
  CHECK(governor.most_used() == Approx(0.08).epsilon(0.01));
  run(50);
  CHECK(governor.share() * 0.08 <= 0.02);
  per_interval = 0.005;
  run(10);
  CHECK(governor.share() == 1);
  CHECK(governor.least_share() < 0.3);
}

TEST_CASE("an interval is at least half a second, and the rate never becomes 0") {
  Governor governor(0.0001, 1);
  CHECK_FALSE(governor.update(kStep, 0));
  CHECK_FALSE(governor.update(kStep + kStep / 2, kStep / 2));
  for (uint64_t i = 2; i < 50; ++i) governor.update(i * kStep, i * kStep);
  CHECK(governor.share() > 0);
  CHECK(governor.share() < 0.01);
}
