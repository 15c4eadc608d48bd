#pragma once

#include <algorithm>
#include <cstdlib>

namespace oc::test {

/// How often a test does what it does at random: `usual`, or so many times that where OC_TEST_REPEAT says so
/// (./dev asan does). The suite has two minutes for all.
inline int repeats(int usual) {
  const char* const asked = std::getenv("OC_TEST_REPEAT");
  return usual * (asked != nullptr ? std::max(1, std::atoi(asked)) : 1);
}

}  // namespace oc::test
