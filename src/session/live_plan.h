#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "perf/live_source.h"

namespace oc::session {

/// Of clocks and hardware events, where nobody says how often.
constexpr uint64_t kDefaultHz = 999;

/// How an event is to be sampled.
struct LiveSettings {
  uint64_t frequency_hz = 0;  ///< of clocks and hardware events; 0: 999 Hz, or by a period above 1
  uint64_t period = 1;
  bool with_address = false;
};

/// The events that a live run will open, in the order of their kinds; filled by name before the run.
class LivePlan {
 public:
  /// The indexes (in `requests`) of the events that `name` or a glob means: those asked for before are
  /// found again, new ones are added. Errors name the nearest events.
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& settings);

  /// Kinds as the source will have them, ids and layouts apart; entries keep their address.
  const event::EventKind& kind(uint32_t index) const { return kinds_[index]; }
  uint32_t size() const { return static_cast<uint32_t>(requests_.size()); }
  const std::vector<perf::EventRequest>& requests() const { return requests_; }
  /// What the kernel shall leave out of an event, in its own words; empty: nothing.
  void set_filter(uint32_t index, std::string text) { requests_[index].filter = std::move(text); }

  /// Every event that is resolved from now on samples the cgroup.
  void sample_cgroups() { samples_cgroups_ = true; }
  bool samples_cgroups() const { return samples_cgroups_; }

  /// All that can be asked for by name here, sorted.
  std::vector<std::string> names(const std::string& glob) const;

 private:
  uint32_t add(perf::EventRequest request);
  base::Result<std::vector<uint32_t>> resolve_tracepoints(const std::string& name);

  std::vector<perf::EventRequest> requests_;
  std::deque<event::EventKind> kinds_;
  bool samples_cgroups_ = false;
};

}  // namespace oc::session
