#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace oc::symbol {

/// Something that lies at [begin, end). Where several lie on one another, the one of higher priority is seen.
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t priority = 0;
  uint32_t index = 0;  ///< of what it stands for; below kNothing
};

/// Ranges laid over one another, seen from above: disjoint segments that cover what the ranges cover.
///
///     ranges   |------- a -------------|
///                   |--- b ---|     |-- c --|         priority: a < b, a < c
///     segments |-a--|--- b ---|-a---|-- c --| nothing
///
/// Made in O(n log n), found in O(log n) or, by a Walk over sorted addresses, in little more than O(1).
class Segments {
 public:
  static constexpr uint32_t kNothing = ~uint32_t{0};

  Segments() = default;
  /// In any order; empty ones are left out. Of equal priority the one that begins later is above.
  explicit Segments(std::vector<Range> ranges);

  /// The index of what is seen at this address, or kNothing.
  uint32_t find(uint64_t address) const;
  size_t size() const { return begins_.size(); }
  uint64_t size_bytes() const { return begins_.size() * (sizeof begins_[0] + sizeof seen_[0]); }

  /// Finds addresses that mostly ascend.
  class Walk {
   public:
    explicit Walk(const Segments& segments) : segments_(segments) {}
    uint32_t find(uint64_t address);

   private:
    const Segments& segments_;
    size_t at_ = 0;
  };

 private:
  void add(uint64_t begin, uint32_t index);

  std::vector<uint64_t> begins_;
  std::vector<uint32_t> seen_;
};

}  // namespace oc::symbol
