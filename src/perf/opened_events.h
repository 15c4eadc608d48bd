#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "perf/event_opener.h"
#include "source/source.h"

namespace oc::perf {

/// Every descriptor of a live run, by kind, in the order of its EventTable.
///
/// Closing is cheap only while the guardian holds its references. One thread.
class OpenedEvents {
 public:
  void add(std::vector<OpenEvent> of_one_kind) { kinds_.push_back(std::move(of_one_kind)); }
  size_t size() const { return kinds_.size(); }
  const std::vector<OpenEvent>& kind(size_t index) const { return kinds_[index]; }

  /// Sends the samples of the last kind added into the data rings of their CPUs.
  base::Status redirect_last(const std::vector<OpenEvent>& data);
  /// Sets the filter of the last kind added. Only once per descriptor: a second one is EEXIST.
  base::Status filter_last(const std::string& filter);

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
  void close() { kinds_.clear(); }

 private:
  std::vector<std::vector<OpenEvent>> kinds_;
};

}  // namespace oc::perf
