#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "source/source.h"

namespace oc::session {

/// What the records of a trace tell of lost ones, by CPU (-1: unknown). Any thread.
///
/// LOST records tell of a CPU and a moment. perf adds sums to the end of a recording, without either: all
/// that was lost, so what they tell beyond the LOST records was lost after the last of those.
class LossCount {
 public:
  void add(int32_t cpu, uint64_t records) {
    const std::lock_guard lock(mutex_);
    by_cpu_[cpu] += records;
  }
  /// Lost outside of the time that was asked for: no loss of this run.
  void add_outside(uint64_t records) {
    const std::lock_guard lock(mutex_);
    outside_ += records;
  }
  void add_sum(uint64_t records) {
    const std::lock_guard lock(mutex_);
    sums_ += records;
  }

  std::map<int32_t, uint64_t> by_cpu() const {
    const std::lock_guard lock(mutex_);
    auto lost = by_cpu_;
    uint64_t told = outside_;
    for (const auto& [cpu, records] : lost) told += records;
    if (sums_ > told) lost[-1] += sums_ - told;
    return lost;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int32_t, uint64_t> by_cpu_;
  uint64_t outside_ = 0;
  uint64_t sums_ = 0;
};

/// What was counted at the end, by CPU and event, and on top of it what records told of more on a CPU.
std::vector<source::Loss> add_missing(std::vector<source::Loss> counted,
                                      const std::map<int32_t, uint64_t>& told_by_cpu);

}  // namespace oc::session
