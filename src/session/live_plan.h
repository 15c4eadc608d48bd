#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "perf/live_source.h"
#include "sys/pmus.h"

namespace oc::session {

/// Of clocks and hardware events, where nobody says how often.
constexpr uint64_t kDefaultHz = 999;

/// How an event is to be sampled.
struct LiveSettings {
  uint64_t frequency_hz = 0;  ///< of clocks and hardware events; 0: 999 Hz, or by a period above 1
  uint64_t period = 1;        ///< 1: as the run says
  bool with_address = false;
  bool is_optional = false;  ///< left out with a note where the kernel refuses it
};

/// How all events of a run are sampled, where an event does not say it itself.
struct Sampling {
  uint64_t period = 0;  ///< 0: each event's own default
  perf::StackRequest stacks;
  uint64_t parts = 0;  ///< PERF_SAMPLE_* bits: addresses, weights, cgroups …
};

/// The events that a live run will open, in the order of their kinds; filled by name before the run.
class LivePlan {
 public:
  /// Before the first `resolve`.
  void set_sampling(const Sampling& sampling) { sampling_ = sampling; }

  /// The indexes (in `requests`) of the events that `text` means: a name or a list as perf takes it
  /// ("cycles:u", "{cpu-clock,page-faults}:S", "cpu/event=0x3c/", "mem:0x1000:w", "sched:*"), or
  /// "syscall:NAME". Those asked for before are found again, new ones are added. Errors name the
  /// nearest events.
  base::Result<std::vector<uint32_t>> resolve(const std::string& text,
                                              const LiveSettings& settings);

  /// Kinds as the source will have them, ids and layouts apart; entries keep their address.
  const event::EventKind& kind(uint32_t index) const { return kinds_[index]; }
  uint32_t size() const { return static_cast<uint32_t>(requests_.size()); }
  const std::vector<perf::EventRequest>& requests() const { return requests_; }
  /// Kinds that the source has beside these, behind them: what is resolved later has the number that it gets there.
  void reserve(const event::EventTable& table);
  /// What the kernel shall leave out of an event, in its own words; empty: nothing.
  void set_filter(uint32_t index, std::string text) { requests_[index].filter = std::move(text); }

  /// Every event that is resolved from now on samples the cgroup.
  void sample_cgroups() { sampling_.parts |= PERF_SAMPLE_CGROUP; }
  bool samples_cgroups() const { return (sampling_.parts & PERF_SAMPLE_CGROUP) != 0; }

  /// All that can be asked for by name here, sorted.
  std::vector<std::string> names(const std::string& glob) const;
  /// Why an event of `names` cannot be had on this machine; empty when it can, or nobody tried.
  std::string missing(const std::string& name) const;

 private:
  using Requests = std::vector<perf::EventRequest>;
  struct Group {
    std::string text;
    std::vector<uint32_t> indexes;
  };

  base::Result<Requests> look_up(const perf::EventText& event, const LiveSettings& settings);
  base::Result<Requests> look_up_tracepoints(const perf::EventText& event) const;
  base::Result<std::vector<uint32_t>> resolve_syscalls(const std::string& name,
                                                       const LiveSettings& settings);
  base::Status finish(const perf::EventText& event, const LiveSettings& settings,
                      perf::EventRequest& request) const;
  base::Status number_groups(const std::vector<perf::EventText>& events,
                             std::vector<Requests>& found);
  base::Error no_such_event(const std::string& name) const;
  uint32_t add(perf::EventRequest request);
  bool is_reserved(uint32_t index) const;

  sys::Pmus pmus_;
  std::vector<uint32_t> reserved_;  ///< indexes of the source's own
  Sampling sampling_;
  std::vector<perf::EventRequest> requests_;
  std::deque<event::EventKind> kinds_;
  std::vector<Group> groups_;  ///< asked for before, by the list's text
  uint32_t group_count_ = 0;
};

}  // namespace oc::session
