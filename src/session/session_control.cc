// What can be changed while a session runs: its end, pauses, the sampling rate.

#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/session.h"

namespace oc::session {

namespace {
constexpr double kPercent = 100;
}

base::Status Session::set_paused(bool is_paused) {
  if (is_paused == is_paused_) return {};
  if (live_) {
    base::Status status = is_paused ? live_->pause() : live_->resume();
    if (!status) return status;
  }
  is_paused_ = is_paused;
  return {};
}

sys::HostFacts Session::host_facts() { return sys::load_host_facts(); }

void Session::wake() {
  if (live_) live_->wake();
}

void Session::stop() {
  if (live_) {
    live_->request_stop();
  } else if (fed_) {
    fed_->request_stop();
  } else if (pump_) {
    pump_->stop();
    file_->source().wake();
  }
}

/// Before a run begins.
void Session::prepare_control(const RunOptions& options) {
  is_paused_ = options.starts_paused;
  if (options.max_overhead <= 0) return;
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  governor_.emplace(options.max_overhead, static_cast<uint32_t>(cpus > 0 ? cpus : 1));
}

/// Called with each batch of a live run.
base::Status Session::govern() {
  if (!governor_ || !live_) return {};
  const auto share =
      governor_->update(base::now_of(CLOCK_MONOTONIC), base::now_of(CLOCK_PROCESS_CPUTIME_ID));
  if (!share) return {};
  const auto changed = live_->set_rate(*share);
  has_rates_ =
      changed && *changed;  // a refusal does not end a run: the note says that nothing was slowed
  return {};
}

double Session::sampling_share() const { return governor_ && has_rates_ ? governor_->share() : 1; }

/// What the limit did, for the user; empty when it was kept without doing anything.
std::string Session::overhead_note() const {
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
