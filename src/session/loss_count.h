#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "source/source.h"

namespace oc::session {

/// What the records of a trace tell of lost ones, by CPU (-1: unknown) and event. Any thread.
///
/// LOST records tell of a CPU and a moment. perf and oc add sums to the end of a recording, read from the kernel: all
/// that an event lost, without the moment, and in perf's without the CPU. They tell again of what LOST records told;
/// what is more was lost after the last of those.
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
  /// All that an event lost on a CPU; on -1: on all of them together.
  void add_sum(int32_t cpu, uint32_t event, uint64_t records) {
    const std::lock_guard lock(mutex_);
    sums_[{cpu, event}] += records;
  }

  /// Every lost record once. A sum's event is told where its CPU is known and no part of the trace was left out: only
  /// then LOST records can be held against it.
  std::vector<source::Loss> losses() const {
    const std::lock_guard lock(mutex_);
    std::vector<source::Loss> losses;
    std::map<int32_t, uint64_t> rest = by_cpu_;
    uint64_t all = 0;
    for (const auto& [place, records] : sums_) {
      all += records;
      if (place.first < 0 || outside_ != 0) continue;
      losses.push_back({place.first, place.second, records});
      uint64_t& told = rest[place.first];
      told -= std::min(told, records);
    }
    for (const auto& [cpu, records] : rest) {
      if (records != 0) losses.push_back({cpu, event::EventTable::kUnknown, records});
    }
    uint64_t told = outside_;
    for (const source::Loss& loss : losses) told += loss.records;
    if (all > told) losses.push_back({-1, event::EventTable::kUnknown, all - told});
    return losses;
  }

  std::map<int32_t, uint64_t> by_cpu() const {
    std::map<int32_t, uint64_t> lost;
    for (const source::Loss& loss : losses()) lost[loss.cpu] += loss.records;
    return lost;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int32_t, uint64_t> by_cpu_;
  uint64_t outside_ = 0;
  std::map<std::pair<int32_t, uint32_t>, uint64_t> sums_;
};

/// What was counted at the end, by CPU and event, and on top of it what records told of more on a CPU.
std::vector<source::Loss> add_missing(std::vector<source::Loss> counted,
                                      const std::map<int32_t, uint64_t>& told_by_cpu);

}  // namespace oc::session
