#include "perf/live_source.h"

#include "base/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "perf/refusals.h"
#include "sys/cpus.h"

namespace oc::perf {

namespace {

constexpr base::Nanos kSlack = 1'000'000;
constexpr std::chrono::milliseconds kLongestWait{100};
constexpr std::chrono::milliseconds kCommandEnds{1000};
constexpr size_t kLongestFilter = 4096;  // PAGE_SIZE where it is smallest, kernel/events/core.c
constexpr uint64_t kOtherFiles = 64;     // what the rest of the program may have open

std::vector<uint64_t> ids_of(const std::vector<OpenEvent>& events) {
  std::vector<uint64_t> ids;
  for (const OpenEvent& event : events) ids.push_back(event.id);
  return ids;
}

EventRequest named(const char* name) {
  EventRequest request;
  request.name = name;
  request.type = PERF_TYPE_SOFTWARE;
  request.config = PERF_COUNT_SW_DUMMY;
  return request;
}

}  // namespace

LiveSource::LiveSource(LiveRequest request, Guardian guardian, Poller poller)
    : guardian_(std::move(guardian)), request_(std::move(request)), poller_(std::move(poller)) {}

base::Result<std::unique_ptr<LiveSource>> LiveSource::open(LiveRequest request, Guardian guardian) {
  if (!request.command.empty()) {
    const auto program = find_program(request.command.front());
    if (!program) return program.error();
  }
  auto poller = Poller::open();
  if (!poller) return poller.error();
  std::unique_ptr<LiveSource> source(
      new LiveSource(std::move(request), std::move(guardian), std::move(*poller)));
  const base::Status done = source->set_up();
  if (!done) return done.error();
  return source;
}

LiveSource::~LiveSource() {
  if (state_ != State::kFinished) opened_.disable_all();
  rings_.unmap();
  opened_.close();
}

base::Status LiveSource::set_up() {
  permissions_ = sys::load_permissions();
  if (!guardian_) {
    auto started = Guardian::start();
    if (started) {
      guardian_ = std::move(*started);
    } else {
      notes_.push_back(started.error().what + "; ending may take long");
    }
  }
  auto cpus = choose_target();
  if (!cpus) return cpus.error();
  const uint64_t files = cpus->size() * (request_.events.size() + 2) + kOtherFiles;
  base::Status status = sys::raise_file_limit(files);
  if (!status) return status;

  EventOpener opener(permissions_, guardian_, notes_);
  opener.set_target(is_command() ? launcher_->pid() : -1, std::move(*cpus));
  AttrBasis basis;
  basis.follows_command = is_command();
  basis.starts_paused = request_.starts_paused;
  const auto first = std::find_if(request_.events.begin(), request_.events.end(),
                                  [](const EventRequest& request) { return request.is_wanted; });
  status = opener.probe(first == request_.events.end() ? named("dummy") : *first, basis);
  if (!status) return status;
  basis.extras = request_.is_recorded ? opener.probe_extras(basis)
                                      : opener.keep_possible(request_.extras, basis);
  if (request_.is_recorded) basis.wakeup_bytes = early_wakeup();
  extras_ = basis.extras;
  status = open_events(opener, basis);
  if (status && is_command() && launcher_->pidfd() >= 0) status = poller_.add(launcher_->pidfd());
  return status;
}

/// Recording takes a turn of 10 µs; so it is woken at an eighth of the ring, and has the rest of it to get a CPU on a
/// busy machine. Where the ring may turn out smaller than wished, at half of it as always.
uint32_t LiveSource::early_wakeup() const {
  uint64_t bytes = request_.buffer_bytes;
  if (bytes == 0 && permissions_.may_lock_any_amount()) bytes = kDefaultDataBytes;
  return static_cast<uint32_t>(std::min<uint64_t>(bytes / 8, 1u << 30));
}

/// Forks the command if there is one; the CPUs to trace on.
base::Result<std::vector<int32_t>> LiveSource::choose_target() {
  if (is_command()) {
    auto prepared = Launcher::prepare(request_.command, request_.stdout_to_stderr);
    if (!prepared) return prepared.error();
    launcher_.emplace(std::move(*prepared));
  }
  return sys::load_online_cpus();
}

base::Status LiveSource::open_events(EventOpener& opener, const AttrBasis& basis) {
  EventRequest sideband_request = named("dummy:sideband");
  EventRequest data_request = named("dummy:data");
  perf_event_attr sideband_attr = make_sideband_attr(request_, basis);
  perf_event_attr data_attr = make_data_attr(request_, basis);
  auto sideband = opener.open(sideband_request, sideband_attr, sideband_request.name);
  if (!sideband) return sideband.error();
  auto data = opener.open(data_request, data_attr, data_request.name);
  if (!data) return data.error();
  if (sideband->size() != data->size()) {
    return base::make_error(base::Code::kSystem, "a CPU went offline while events were opened",
                            "try again");
  }
  base::Status status = rings_.map(*sideband, *data, request_.buffer_bytes, permissions_, notes_);
  for (const auto* owners : {&*sideband, &*data}) {
    if (status) status = watch(*owners);
  }
  bool has_any = std::none_of(request_.events.begin(), request_.events.end(),
                              [](const EventRequest& request) { return request.is_wanted; });
  Refusals refusals;
  for (const EventRequest& request : request_.events) {
    if (!status) break;
    if (!request.is_wanted) {
      add_kind(request.name, make_event_attr(request, basis), request, {});
      continue;
    }
    base::Status opened = open_event(opener, basis, request, *data);
    if (opened) {
      has_any = true;
    } else if (request.is_optional || opened.error().code == base::Code::kPermission) {
      add_kind(request.name, make_event_attr(request, basis), request, {});
      refusals.add(request.name, request.is_optional, std::move(opened.error()));
    } else {
      status = std::move(opened);
    }
  }
  refusals.append_notes(notes_);
  if (status) status = refusals.status();
  if (status && !has_any) status = refusals.first();
  add_kind(sideband_request.name, sideband_attr, sideband_request, std::move(*sideband));
  add_kind(data_request.name, data_attr, data_request, std::move(*data));
  table_.finish();
  return status;
}

base::Status LiveSource::open_event(EventOpener& opener, const AttrBasis& basis,
                                    const EventRequest& request,
                                    const std::vector<OpenEvent>& data) {
  perf_event_attr attr = make_event_attr(request, basis);
  std::string name = request.name;
  auto events = opener.open(request, attr, name);
  if (!events) return events.error();
  add_kind(std::move(name), attr, request, std::move(*events));
  base::Status status = opened_.redirect_last(data);
  if (status && attr.type == PERF_TYPE_TRACEPOINT) status = set_filter(request);
  if (!status) return std::move(status.error()).context("cannot open event '" + request.name + "'");
  return {};
}

/// Our own threads are left out, and what the request's filter says: in one text, as a second one is
/// refused. When the kernel does not take the latter (its language grew over time), only the former.
base::Status LiveSource::set_filter(const EventRequest& request) {
  // A filter sees the host's thread ids: in a container ours are other numbers, and would hide others.
  const bool hides_own = !request.keep_own && !is_command() && sys::in_initial_pid_namespace();
  std::vector<int32_t> own;
  if (hides_own) own = request_.own_tids;
  if (hides_own && guardian_) own.push_back(guardian_.pid());
  const std::string own_filter = make_own_filter(own);
  if (!request.filter.empty()) {
    const std::string both = join_filters(own_filter, request.filter);
    base::Status status = both.size() < kLongestFilter
                              ? opened_.filter_last(both)
                              : base::make_error(base::Code::kUnsupported, "it is too long");
    if (status) {
      filters_.back() = request.filter;
      return status;
    }
    if (request_.is_recorded)
      return std::move(status.error()).context("cannot filter while recording");
    notes_.push_back("the kernel does not filter '" + request.name +
                     "', so all of its events are read: " + status.error().what);
  }
  return own_filter.empty() ? base::Status() : opened_.filter_last(own_filter);
}

void LiveSource::add_kind(std::string name, const perf_event_attr& attr,
                          const EventRequest& request, std::vector<OpenEvent> events) {
  event::EventKind kind{std::move(name), attr, {}, request.format};
  table_.add(std::move(kind), ids_of(events));
  opened_.add(std::move(events));
  filters_.emplace_back();
}

base::Status LiveSource::watch(const std::vector<OpenEvent>& owners) {
  for (const OpenEvent& owner : owners) {
    const base::Status added = poller_.add(owner.fd.number());
    if (!added) return added;
  }
  return {};
}

base::Status LiveSource::start() {
  if (state_ != State::kOpened) return base::make_error(base::Code::kUsage, "already started");
  state_ = State::kStarted;
  start_time_ = base::now_of(CLOCK_MONOTONIC);
  if (is_command()) return launcher_->release();
  if (!request_.starts_paused) return opened_.enable_all();
  return opened_.set_enabled(request_.events.size(), true);  // the sideband
}

base::Status LiveSource::set_enabled(bool is_enabled) {
  if (state_ != State::kStarted) return {};
  const size_t sideband = request_.events.size();
  for (size_t kind = 0; kind < opened_.size(); ++kind) {
    if (kind == sideband) continue;
    base::Status status = opened_.set_enabled(kind, is_enabled);
    if (!status) return status;
  }
  return {};
}

base::Status LiveSource::pause() { return set_enabled(false); }
base::Status LiveSource::resume() { return set_enabled(true); }

/// A clock's frequency became a period when it was opened (perf_swevent_init_hrtimer), others keep theirs.
base::Result<bool> LiveSource::set_rate(double share) {
  bool has_any = false;
  for (size_t kind = 0; kind < request_.events.size(); ++kind) {
    const EventRequest& event = request_.events[kind];
    if (event.frequency_hz == 0 || state_ != State::kStarted) continue;
    const double hz = std::max(static_cast<double>(event.frequency_hz) * share, 1.0);
    const bool is_clock = event.type == PERF_TYPE_SOFTWARE;
    const base::Status status =
        opened_.set_period(kind, static_cast<uint64_t>(is_clock ? 1e9 / hz : hz));
    if (!status) return status.error();
    has_any = true;
  }
  return has_any;
}

std::vector<sys::ThreadInfo> LiveSource::rundown() {
  if (is_command()) return {sys::load_thread(launcher_->pid(), launcher_->pid())};
  sys::ThreadScan scan = sys::scan_threads();
  if (!scan.is_settled) {
    notes_.push_back("threads came and went while they were listed: some may be without a name");
  }
  if (!sys::in_initial_pid_namespace()) {
    notes_.push_back(
        "this is a pid namespace: threads outside of it, and the idle task, have the id 0 and "
        "the "
        "name (outside)");
  }
  return std::move(scan.threads);
}

void LiveSource::request_stop() {
  is_stop_requested_ = true;
  poller_.wake();
}

/// Also ends the command, so that it may do so while the script prints.
void LiveSource::disable() {
  if (state_ == State::kFinished) return;
  opened_.disable_all();
  const bool was_started = state_ == State::kStarted;
  state_ = State::kFinished;
  if (was_started && launcher_ && launcher_->terminate()) {
    notes_.push_back("the run ended before the command did: the command was sent SIGTERM");
  }
}

void LiveSource::await_command() {
  if (!launcher_ || launcher_->await(kCommandEnds)) return;
  notes_.push_back(fmt::format("the command has not ended: process {} goes on", launcher_->pid()));
}

std::optional<int> LiveSource::command_status() const {
  return launcher_ ? launcher_->status() : std::nullopt;
}

base::Status LiveSource::next_round(std::chrono::milliseconds wait, source::Round& round) {
  round.clear();
  round.is_last = true;
  if (state_ == State::kOpened) return base::make_error(base::Code::kUsage, "not started");
  if (state_ == State::kFinished) return {};

  if (!is_stop_requested_)
    poller_.wait(std::clamp(wait, std::chrono::milliseconds(0), kLongestWait));
  if (launcher_) launcher_->poll();
  round.is_last = is_stop_requested_ || (launcher_ && !launcher_->is_running());
  if (round.is_last) {
    disable();
    round.horizon = base::now_of(CLOCK_MONOTONIC);
  } else {
    round.horizon = base::now_of(CLOCK_MONOTONIC) - kSlack;  // before the heads are read
  }
  rings_.collect(round.spans, notes_);
  return {};
}

}  // namespace oc::perf
