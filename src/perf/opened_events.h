#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "perf/event_opener.h"
#include "source/source.h"

namespace oc::perf {

/// A descriptor that a ring is mapped for.
struct RingOwner {
  int fd = -1;
  int32_t cpu = -1;
};

/// Every descriptor of a live run, by kind, in the order of its EventTable.
///
/// Closing is cheap only while the guardian holds its references. One thread.
class OpenedEvents {
 public:
  /// Kinds are numbered from 0.
  void set_kinds(size_t count) { kinds_.resize(count); }
  size_t size() const { return kinds_.size(); }
  /// Further descriptors of a kind.
  void add(size_t kind, std::vector<OpenEvent> events);
  const std::vector<OpenEvent>& kind(size_t index) const { return kinds_[index]; }
  bool is_open(size_t kind) const { return kind < kinds_.size() && !kinds_[kind].empty(); }
  /// All of a kind, whose place stays.
  std::vector<OpenEvent> take(size_t kind);
  /// Stops descriptors that were taken. What they lost and counted stays part of the sums.
  void retire(size_t kind, const std::vector<OpenEvent>& events);

  /// Records of these go into the ring that the owner of their CPU has mapped.
  static base::Status redirect(const std::vector<OpenEvent>& events,
                               const std::vector<RingOwner>& owners);
  /// Sets a filter. Only once per descriptor: a second one is EEXIST.
  static base::Status filter(const std::vector<OpenEvent>& events, const std::string& filter);

  /// The kinds added last come first: sideband has to be complete when samples begin.
  base::Status enable_all();
  /// Lets one kind go on, or stops it: also of children that inherited it.
  base::Status set_enabled(size_t kind, bool is_enabled);
  /// The period (of clocks: ns; of events by frequency: Hz) of one kind from now on.
  base::Status set_period(size_t kind, uint64_t period);
  /// No record is written any more when it returns.
  void disable_all();

  /// Lost records by kind and CPU; empty where the kernel cannot tell.
  std::vector<source::Loss> read_losses() const;
  /// How often the kernel saw a kind's events, whether or not a record came of it.
  uint64_t read_count(size_t kind) const;
  void close() { kinds_.clear(); }

 private:
  std::vector<std::vector<OpenEvent>> kinds_;
  // Of those that were retired.
  std::map<std::pair<uint32_t, int32_t>, uint64_t> lost_;  ///< by kind, then CPU
  std::map<size_t, uint64_t> counted_;                     ///< by kind
};

}  // namespace oc::perf
