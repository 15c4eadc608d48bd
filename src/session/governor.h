#pragma once

#include <optional>

#include "base/id.h"

namespace oc::session {

/// Keeps this program's CPU time below a share of the machine's, by how much of the asked sampling rate is left.
///
///     every 0.5 s:  used = own CPU time / (time * CPUs)
///       above the limit      the rate falls in proportion, a fifth lower than need be
///       below half of it     the rate rises by half, up to what was asked
///
/// What the kernel needs to make a sample is charged to whoever was running, and nobody tells how much: it is
/// not counted. Plain numbers: the caller brings the clocks and applies the rate.
class Governor {
 public:
  /// `limit`: of all CPUs' time, above 0.
  Governor(double limit, uint32_t cpus) : limit_(limit), cpus_(cpus) {}

  /// Call often. The share of the asked rate from now on, where it changes.
  std::optional<double> update(base::Nanos now, base::Nanos own_cpu_time);

  double limit() const { return limit_; }
  double share() const { return share_; }
  double least_share() const { return least_share_; }  ///< of the whole run
  double most_used() const { return most_used_; }      ///< of any interval

 private:
  double limit_;
  uint32_t cpus_;
  double share_ = 1;
  double least_share_ = 1;
  double most_used_ = 0;
  base::Nanos last_time_ = 0;
  base::Nanos last_cpu_time_ = 0;
};

}  // namespace oc::session
