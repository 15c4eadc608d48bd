#pragma once

#include <cstdint>
#include <memory>

#include "unwind/rule.h"

namespace oc::unwind {

/// Rules by live address, of all processes that one thread unwinds: direct-mapped, what collides is replaced.
///
/// An entry is good for one epoch of an address space (CodeFinder::epoch), so nothing is ever flushed: what belonged
/// to a mapping that is gone is not asked for any more. Not for two threads.
class RuleCache {
 public:
  static constexpr uint32_t kEntries = 1 << 16;

  struct Entry {
    uint64_t key = 0;    ///< see key_of; 0 is never asked for
    uint32_t epoch = 0;  ///< the low half
    uint32_t note = 0;
    Rule rule;
  };
  static_assert(sizeof(Entry) == 24);

  /// Requires: a power of two.
  explicit RuleCache(uint32_t entries)
      : entries_(std::make_unique<Entry[]>(entries)), mask_(entries - 1) {}

  /// A return address and an exact one next to it may share a rule, but not a note.
  static uint64_t key_of(uint64_t address, bool is_return) {
    return address << 1 | (is_return ? 1 : 0);
  }
  /// Where this key is, or belongs. Owned by the cache; good until the next insertion.
  Entry& slot(uint64_t key, uint64_t epoch) {
    const uint64_t mixed = (key ^ epoch << 20) * 0x9e3779b97f4a7c15;
    return entries_[mixed >> 40 & mask_];
  }

 private:
  std::unique_ptr<Entry[]> entries_;
  uint32_t mask_;
};

}  // namespace oc::unwind
