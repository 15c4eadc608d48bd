#include "session/overhead_limit.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"

namespace oc::session {

namespace {
constexpr double kPercent = 100;
}

OverheadLimit::OverheadLimit(double limit) {
  if (limit <= 0) return;
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  governor_.emplace(limit, static_cast<uint32_t>(cpus > 0 ? cpus : 1));
}

void OverheadLimit::keep(perf::LiveSource& live) {
  if (!governor_) return;
  const auto share =
      governor_->update(base::now_of(CLOCK_MONOTONIC), base::now_of(CLOCK_PROCESS_CPUTIME_ID));
  if (!share) return;
  const auto changed = live.set_rate(*share);
  // A refusal does not end a run: the note says that nothing was slowed.
  has_rates_ = changed && *changed;
}

std::string OverheadLimit::note() const {
  if (!governor_ || governor_->most_used() <= governor_->limit()) return {};
  const std::string used = fmt::format(
      "oc used up to {:.2g} % of the machine's CPU time, more than --max-overhead {:.2g} %: ",
      kPercent * governor_->most_used(), kPercent * governor_->limit());
  if (!has_rates_)
    return used +
           "only what is sampled by frequency, and not in a command or in chosen processes, can be "
           "slowed while it runs; ask for fewer samples or events";
  return used +
         fmt::format("sampling was slowed to {:.2g} % of the asked rate; weigh samples by period",
                     kPercent * governor_->least_share());
}

}  // namespace oc::session
