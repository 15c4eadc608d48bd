#pragma once

#include <optional>
#include <string>

#include "perf/live_source.h"
#include "session/governor.h"

namespace oc::session {

/// --max-overhead of a live run: a governor, the clocks that it goes by, and the events that it slows.
class OverheadLimit {
 public:
  OverheadLimit() = default;
  /// `limit`: own CPU time of the machine's, 0 to 1; 0: no limit.
  explicit OverheadLimit(double limit);

  bool is_set() const { return governor_.has_value(); }
  /// Call with each batch.
  void keep(perf::LiveSource& live);
  /// How much of the asked sampling rate is left; 1: all.
  double sampling_share() const { return governor_ && has_rates_ ? governor_->share() : 1; }
  /// What the limit did, for the user; empty when it was kept without doing anything.
  std::string note() const;

 private:
  std::optional<Governor> governor_;
  bool has_rates_ = false;  ///< there was something to slow
};

}  // namespace oc::session
