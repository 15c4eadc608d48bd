#include "unwind/rule_cache.h"

#include <catch2/catch.hpp>

using oc::unwind::RuleCache;

namespace {

RuleCache::Entry entry(uint64_t address, uint32_t epoch) {
  RuleCache::Entry entry;
  entry.key = RuleCache::key_of(address, true);
  entry.epoch = epoch;
  entry.note = static_cast<uint32_t>(address);
  return entry;
}

}  // namespace

TEST_CASE("a cache of rules grows and keeps what it had") {
  RuleCache cache(1 << 17);
  constexpr uint32_t kCount = 20000;
  for (uint32_t i = 1; i <= kCount; ++i) cache.add(entry(uint64_t{i} * 16, 7));
  uint32_t kept = 0;
  for (uint32_t i = 1; i <= kCount; ++i) {
    const auto* found = cache.find(RuleCache::key_of(uint64_t{i} * 16, true), 7);
    if (found == nullptr) continue;
    ++kept;
    CHECK(found->note == i * 16);
  }
  CHECK(kept > kCount * 19 / 20);  // a few collide; at its first size most would
  CHECK(cache.find(RuleCache::key_of(16, true), 8) == nullptr);
  CHECK(cache.find(RuleCache::key_of(16, false), 7) == nullptr);
}

TEST_CASE("a cache of rules at its largest replaces") {
  RuleCache cache(16);
  for (uint32_t i = 1; i <= 1000; ++i) {
    cache.add(entry(i, 1));
    REQUIRE(cache.find(RuleCache::key_of(i, true), 1) != nullptr);
  }
}
