// LiveSource: events that come, go and change while it runs.
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "perf/live_source.h"

namespace oc::perf {

/// A tracepoint's handler is not preempted, so each CPU has left the one that it was in after a
/// grace period of RCU. A kernel with CPUs without ticks (nohz_full) refuses (membarrier(2)); then
/// a time that handlers do not take.
void LiveSource::wait_for_handlers() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

base::Status LiveSource::may_add(const std::string& name) const {
  if (state_ != State::kStarted)
    return base::make_error(base::Code::kUsage, "the trace does not run");
  if (!traced_.empty() || permissions_.may_trace_system_wide()) return {};
  return base::make_error(
      base::Code::kPermission,
      fmt::format("'{}' cannot be added to a trace of chosen processes that runs: it would be "
                  "opened for the whole system, which this user may not trace",
                  name),
      "ask for it before the trace starts; h:off() and h:on() switch it");
}

base::Status LiveSource::make_late_room() {
  uint64_t files = cpus_.size() * std::max<size_t>(1, request_.target.cgroups.size());
  for (size_t i = 0; i < set_->size(); ++i) files += set_->opened().kind(i).size();
  return sys::raise_file_limit(files + kOtherFiles);
}

/// By dummies of their own, which tell nothing else: nothing is told twice.
base::Status LiveSource::hear(const LiveRequest& more) {
  AttrBasis basis = set_->late_basis();
  perf_event_attr sideband{};
  const auto ask = [&](bool SidebandExtras::*extra) {
    basis.extras.*extra = more.extras.*extra && !(extras_.*extra);
    return basis.extras.*extra;
  };
  basis.extras = {};
  bool is_new = ask(&SidebandExtras::namespaces) | ask(&SidebandExtras::cgroups) |
                ask(&SidebandExtras::ksymbols) | ask(&SidebandExtras::bpf_events) |
                ask(&SidebandExtras::text_pokes);
  const bool wants_data = more.mmap_records && !request_.mmap_records;
  is_new |= wants_data;
  if (is_new) {
    sideband = make_sideband_attr(request_, basis);
    sideband.comm = sideband.comm_exec = sideband.task = 0;
    sideband.cgroup = basis.extras.cgroups;
    sideband.mmap = sideband.mmap2 = wants_data && !request_.code_records;
    sideband.mmap_data = wants_data;
    if (auto status = hear_by(sideband, false); !status) return status;
    request_.mmap_records |= more.mmap_records;
    for (const auto extra :
         {&SidebandExtras::namespaces, &SidebandExtras::cgroups, &SidebandExtras::ksymbols,
          &SidebandExtras::bpf_events, &SidebandExtras::text_pokes})
      extras_.*extra |= basis.extras.*extra;
  }
  if (!more.switch_records || request_.switch_records) return {};
  perf_event_attr switches = make_data_attr(request_, basis);
  switches.context_switch = 1;
  auto status = hear_by(switches, true);
  request_.switch_records |= static_cast<bool>(status);
  return status;
}

base::Status LiveSource::hear_by(const perf_event_attr& attr, bool is_of_data) {
  if (traced_.empty()) {
    return base::make_error(
        base::Code::kUnsupported,
        "these records cannot be added to a trace of chosen processes that runs",
        "ask for them before the trace starts");
  }
  if (auto status = may_add("these records"); !status) return status;
  if (auto status = make_late_room(); !status) return status;
  EventOpener opener(permissions_, guardian_, notes_);
  auto kind = set_->open_dummy_late(opener, attr, is_of_data, traced_, table_);
  if (!kind) return std::move(kind.error());
  if (is_paused_ && is_of_data) return {};
  return set_->opened().set_enabled(*kind, true);
}

/// Where processes are followed, an event that comes later is opened for everything, and the decoder chooses: who was
/// started since, and by whom, only the stream of records tells without a gap.
base::Status LiveSource::open_now(uint32_t kind, const EventRequest& request) {
  const bool is_everywhere = traced_.empty();
  if (auto status = may_add(request.name); !status) return status;
  if (auto status = make_late_room(); !status) return status;
  EventOpener opener(permissions_, guardian_, notes_);
  const auto places = is_everywhere ? places_for({}).traced : traced_;
  return set_->open_late(opener, kind, request, places, own_filter(), notes_, table_);
}

base::Status LiveSource::open_late(uint32_t kind, EventRequest request) {
  if (is_open(kind)) return {};
  request.is_wanted = true;
  if (auto status = open_now(kind, request); !status) return status;
  return is_paused_ ? base::Status() : set_->opened().set_enabled(kind, true);
}

void LiveSource::retire(uint32_t kind, const std::vector<OpenEvent>& events) {
  set_->opened().retire(kind, events);
  std::vector<int> fds;
  for (const OpenEvent& event : events) fds.push_back(event.fd.number());
  // Where it does not answer, closing takes long.
  if (guardian_) static_cast<void>(guardian_.release(fds));
}

void LiveSource::close(uint32_t kind) {
  if (is_open(kind)) retire(kind, set_->opened().take(kind));
}

base::Status LiveSource::begin_exchange(uint32_t kind, EventRequest request) {
  Exchange exchange;
  exchange.kind = kind;
  auto before = set_->opened().take(kind);
  for (const OpenEvent& event : before) exchange.older.push_back(event.id);
  request.is_wanted = true;
  auto status = open_now(kind, request);
  if (status && !is_paused_) status = set_->opened().set_enabled(kind, true);
  if (!status) {  // as it was
    retire(kind, set_->opened().take(kind));
    set_->opened().add(kind, std::move(before));
    return status;
  }
  for (const OpenEvent& event : set_->opened().kind(kind)) exchange.newer.push_back(event.id);
  exchange.from = base::now_of(CLOCK_MONOTONIC);
  exchanges_.push_back({std::move(exchange), std::move(before)});
  return {};
}

std::vector<LiveSource::Exchange> LiveSource::finish_exchanges(base::Nanos at) {
  std::vector<Exchange> finished;
  for (auto& [exchange, before] : exchanges_) {
    retire(exchange.kind, before);
    exchange.at = at;
    finished.push_back(std::move(exchange));
  }
  exchanges_.clear();
  return finished;
}

}  // namespace oc::perf
