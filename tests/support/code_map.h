#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "unwind/code_finder.h"

namespace oc::test {

/// What one process had mapped at one moment: an unwind::CodeFinder that never changes.
class CodeMap final : public unwind::CodeFinder {
 public:
  explicit CodeMap(uint32_t epoch) : epoch_(epoch) {}
  CodeMap(const CodeMap& other, uint32_t epoch) : epoch_(epoch), ranges_(other.ranges_) {}

  uint64_t epoch() const override { return epoch_; }
  std::optional<unwind::CodeRange> find(uint64_t address) override;
  /// Whether something is mapped in there.
  bool overlaps(uint64_t start, uint64_t end) const;
  /// What was there before is cut or gone.
  void add(const unwind::CodeRange& range);
  const std::vector<unwind::CodeRange>& ranges() const { return ranges_; }

 private:
  uint32_t epoch_;
  std::vector<unwind::CodeRange> ranges_;  ///< sorted, disjoint
};

}  // namespace oc::test
