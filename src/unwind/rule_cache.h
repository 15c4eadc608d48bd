#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "unwind/rule.h"

namespace oc::unwind {

/// Rules by live address, of all processes that one thread unwinds. It grows while little of it is used twice, so that a
/// small program's rules lie close to each other; at its largest, what collides is replaced.
///
///     bucket, one cache line:   [ newer entry 24 ][ older entry 24 ][ free 16 ]
///
/// An entry is good for one epoch of an address space (CodeFinder::epoch), so nothing is ever flushed: what belonged
/// to a mapping that is gone is not asked for any more. Not for two threads.
class RuleCache {
 public:
  static constexpr uint32_t kEntries = 1 << 17;

  struct Entry {
    uint64_t key = 0;    ///< see key_of
    uint32_t epoch = 0;  ///< the low half; 0: nothing is there
    uint32_t note = 0;
    Rule rule;
  };
  static_assert(sizeof(Entry) == 24);

  /// Requires: a power of two, at least 2: of its largest size.
  explicit RuleCache(uint32_t entries) : most_buckets_(entries / 2) {
    make(std::min(kFirstEntries, entries) / 2);
  }

  /// A return address and an exact one next to it may share a rule, but not a note.
  static uint64_t key_of(uint64_t address, bool is_return) {
    return address << 1 | (is_return ? 1 : 0);
  }
  /// Null: not there. Owned by the cache; good until the next `add`.
  const Entry* find(uint64_t key, uint32_t epoch) const {
    for (const Entry& entry : bucket(key, epoch).ways) {
      if (entry.key == key && entry.epoch == epoch) return &entry;
    }
    return nullptr;
  }
  /// Requires: it is not there. The result is good until the next `add`.
  const Entry* add(const Entry& entry) {
    if (++added_ > mask_ / 2 && mask_ + 1 < most_buckets_) grow();
    return put(entry);
  }
  /// Brings the place of a key near.
  void fetch(uint64_t key, uint32_t epoch) const { __builtin_prefetch(&bucket(key, epoch)); }

 private:
  struct alignas(64) Bucket {
    std::array<Entry, 2> ways;
  };

  static constexpr uint32_t kFirstEntries = 1 << 12;
  static constexpr uint32_t kGrowth = 8;

  const Entry* put(const Entry& entry) {
    Bucket& place = bucket(entry.key, entry.epoch);
    place.ways[1] = place.ways[0];
    place.ways[0] = entry;
    return &place.ways[0];
  }
  void make(uint32_t buckets) {
    buckets_ = std::make_unique<Bucket[]>(buckets);
    mask_ = buckets - 1;
  }
  void grow() {
    const auto old = std::move(buckets_);
    const uint32_t count = mask_ + 1;
    make(std::min(count * kGrowth, most_buckets_));
    added_ = 0;
    for (uint32_t i = 0; i < count; ++i) {
      for (const uint32_t way : {1u, 0u}) {
        const Entry& entry = old[i].ways[way];
        if (entry.epoch == 0) continue;
        put(entry);
        ++added_;
      }
    }
  }

  Bucket& bucket(uint64_t key, uint32_t epoch) const {
    const uint64_t mixed = (key ^ uint64_t{epoch} << 20) * 0x9e3779b97f4a7c15;
    return buckets_[mixed >> 40 & mask_];
  }

  std::unique_ptr<Bucket[]> buckets_;
  uint32_t mask_ = 0;
  uint32_t most_buckets_;
  uint32_t added_ = 0;  ///< since it has this size
};

}  // namespace oc::unwind
