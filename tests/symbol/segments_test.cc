#include "symbol/segments.h"

#include <catch2/catch.hpp>
#include <random>

using oc::symbol::Range;
using oc::symbol::Segments;

namespace {

constexpr uint32_t kNothing = Segments::kNothing;

/// What a reader would say who looks at every range.
uint32_t look(const std::vector<Range>& ranges, uint64_t address) {
  const Range* best = nullptr;
  for (const Range& range : ranges) {
    if (address < range.begin || address >= range.end) continue;
    const bool is_above = best == nullptr || range.priority > best->priority ||
                          (range.priority == best->priority && range.begin > best->begin);
    if (is_above) best = &range;
  }
  return best == nullptr ? kNothing : best->index;
}

}  // namespace

TEST_CASE("what lies inside another range is seen, and behind it the other goes on") {
  const Segments segments({{10, 100, 0, 1}, {20, 30, 1, 2}, {50, 60, 1, 3}});
  CHECK(segments.find(9) == kNothing);
  CHECK(segments.find(10) == 1);
  CHECK(segments.find(20) == 2);
  CHECK(segments.find(29) == 2);
  CHECK(segments.find(30) == 1);
  CHECK(segments.find(59) == 3);
  CHECK(segments.find(99) == 1);
  CHECK(segments.find(100) == kNothing);
}

TEST_CASE("without ranges nothing is found") {
  const Segments segments;
  CHECK(segments.find(0) == kNothing);
  Segments::Walk walk(segments);
  CHECK(walk.find(5) == kNothing);
  CHECK(Segments({{7, 7, 0, 1}, {9, 8, 0, 2}}).find(7) == kNothing);
}

TEST_CASE("random ranges are seen as by looking at each of them") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<Range> ranges;
    for (uint32_t i = 0; i < 1 + random() % 12; ++i) {
      const uint64_t begin = random() % 60;
      ranges.push_back({begin, begin + random() % 30, static_cast<uint32_t>(random() % 3), i});
    }
    // Of ranges that begin together with one priority either may be seen: none of those here.
    bool is_clear = true;
    for (const Range& a : ranges) {
      for (const Range& b : ranges)
        is_clear = is_clear && (&a == &b || a.begin != b.begin || a.priority != b.priority);
    }
    if (!is_clear) continue;
    const Segments segments(ranges);
    Segments::Walk walk(segments);
    for (uint64_t address = 0; address < 100; ++address) {
      CHECK(segments.find(address) == look(ranges, address));
      CHECK(walk.find(address) == look(ranges, address));
    }
    CHECK(walk.find(3) == segments.find(3));  // back again
  }
}
