#include "session/governor.h"

#include <algorithm>

namespace oc::session {

namespace {
constexpr base::Nanos kInterval = 500'000'000;
constexpr double kMargin = 0.8;
constexpr double kLeastFall = 0.1;
constexpr double kLeastShare = 0.001;
constexpr double kRise = 1.5;
}  // namespace

std::optional<double> Governor::update(base::Nanos now, base::Nanos own_cpu_time) {
  if (last_time_ == 0) {
    last_time_ = now;
    last_cpu_time_ = own_cpu_time;
    return std::nullopt;
  }
  if (now < last_time_ + kInterval) return std::nullopt;
  const double available = static_cast<double>(now - last_time_) * cpus_;
  const double used = static_cast<double>(own_cpu_time - last_cpu_time_) / available;
  last_time_ = now;
  last_cpu_time_ = own_cpu_time;
  most_used_ = std::max(most_used_, used);
  const double before = share_;
  if (used > limit_) {
    share_ = std::max(share_ * std::max(kMargin * limit_ / used, kLeastFall), kLeastShare);
  } else if (used < limit_ / 2) {
    share_ = std::min(share_ * kRise, 1.0);
  }
  least_share_ = std::min(least_share_, share_);
  if (share_ == before) return std::nullopt;
  return share_;
}

}  // namespace oc::session
