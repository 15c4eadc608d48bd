#include "perf/live_source.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "sys/broker.h"
#include "sys/cpus.h"

namespace oc::perf {

namespace {

constexpr base::Nanos kSlack = 1'000'000;
constexpr std::chrono::milliseconds kLongestWait{100};
constexpr std::chrono::milliseconds kCommandEnds{1000};

std::string some_of(const std::vector<int32_t>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size() && i < 5; ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", numbers[i]);
  return numbers.size() > 5 ? text + " …" : text;
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
  if (!set_) return;
  if (state_ != State::kFinished) set_->opened().disable_all();
  set_->rings().unmap();
  set_->opened().close();
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
  if (!request_.command.empty()) {
    auto prepared =
        Launcher::prepare(request_.command, {request_.stdout_to_stderr, request_.is_beside_prompt});
    if (!prepared) return prepared.error();
    launcher_.emplace(std::move(*prepared));
  }
  auto cpus = choose_cpus(other_cpus_);
  if (!cpus) return cpus.error();
  cpus_ = std::move(*cpus);
  base::Status status = open_events();
  if (!status) return status;
  set_->fill(table_);
  status = watch();
  if (status && launcher_ && launcher_->pidfd() >= 0) status = poller_.add(launcher_->pidfd());
  return status;
}

/// The CPUs to trace, of those that are online; `others` are the rest.
base::Result<std::vector<int32_t>> LiveSource::choose_cpus(std::vector<int32_t>& others) const {
  auto online = sys::load_online_cpus();
  if (!online || request_.target.cpus.empty()) return online;
  std::vector<int32_t> chosen;
  std::vector<int32_t> missing = request_.target.cpus;
  for (const int32_t cpu : *online) {
    const auto wanted = std::find(missing.begin(), missing.end(), cpu);
    (wanted == missing.end() ? others : chosen).push_back(cpu);
    if (wanted != missing.end()) missing.erase(wanted);
  }
  if (missing.empty()) return chosen;
  return base::make_error(base::Code::kUsage, fmt::format("CPU {} is not online", some_of(missing)),
                          fmt::format("online are {} to {} ({} of them)", online->front(),
                                      online->back(), online->size()));
}

/// The places of one thread, cgroup or of all, on every CPU.
Places LiveSource::places_for(const Place& like) const {
  Places places;
  for (const int32_t cpu : cpus_) {
    places.traced.push_back(like);
    places.traced.back().cpu = cpu;
  }
  // Of a cgroup, the names of those that enter it later; of others, those of the other CPUs.
  Place hearer = like;
  if (like.is_cgroup) hearer = Place{};
  for (const int32_t cpu : other_cpus_) {
    places.heard.push_back(hearer);
    places.heard.back().cpu = cpu;
  }
  for (size_t i = 0; like.is_cgroup && i < cpus_.size(); ++i) {
    places.heard.push_back(hearer);
    places.heard.back().cpu = cpus_[i];
  }
  return places;
}

/// Makes sure that so many descriptors may be open.
base::Status LiveSource::make_room(size_t threads, size_t kinds) {
  const uint64_t files =
      threads * ((cpus_.size() + other_cpus_.size()) * uint64_t{kinds}) + kOtherFiles;
  return sys::raise_file_limit(files);
}

/// What a refusal is told about: an event that the user knows.
EventRequest LiveSource::first_wanted() const {
  for (const EventRequest& request : request_.events) {
    if (request.is_wanted) return request;
  }
  EventRequest request;
  request.name = "dummy";
  request.type = PERF_TYPE_SOFTWARE;
  request.config = PERF_COUNT_SW_DUMMY;
  return request;
}

/// Recording takes a turn of 10 µs; so it is woken at an eighth of the ring, and has the rest of it to get a CPU on a
/// busy machine. Where the ring may turn out smaller than wished, at half of it as always.
uint32_t LiveSource::early_wakeup() const {
  uint64_t bytes = request_.buffer_bytes;
  if (bytes == 0 && permissions_.may_lock_any_amount()) bytes = kDefaultDataBytes;
  return static_cast<uint32_t>(std::min<uint64_t>(bytes / 8, 1u << 30));
}

/// Which further sideband records there are to be: in a recording all that there can be.
void LiveSource::find_extras(EventOpener& opener, const Place& place, AttrBasis& basis) const {
  if (request_.is_recorded) basis.wakeup_bytes = early_wakeup();
  basis.extras = request_.is_recorded ? opener.probe_extras(place, basis)
                                      : opener.keep_possible(request_.extras, place, basis);
  if (!request_.extras.build_ids) basis.extras.build_ids = false;
}

void LiveSource::make_set(const AttrBasis& basis, bool hears_names) {
  if (set_) {
    set_->opened().disable_all();
    set_->rings().unmap();
    // Where it does not answer, closing takes long.
    if (guardian_) static_cast<void>(guardian_.release());
  }
  extras_ = basis.extras;
  set_.emplace(request_, basis, hears_names);
}

/// A filter sees the host's thread ids: in a container ours are other numbers, and would hide others.
std::string LiveSource::own_filter() const {
  if (follows_tasks() || !sys::in_initial_pid_namespace()) return {};
  std::vector<int32_t> own = request_.own_tids;
  if (guardian_) own.push_back(guardian_.pid());
  if (const sys::Broker* broker = sys::Broker::active()) own.push_back(broker->pid());
  return make_own_filter(own);
}

base::Status LiveSource::open_events() {
  EventOpener opener(permissions_, guardian_, notes_);
  AttrBasis basis;
  basis.follows_command = is_command();
  basis.starts_paused = request_.starts_paused;
  if (request_.target.is_chosen_here) return trace_everything(opener, basis, {});
  if (request_.target.has_tasks() && !is_command()) return attach_tasks(opener, basis);
  Place place;
  if (is_command()) place = {launcher_->pid(), -1, false, true};
  Places places = places_for(place);
  const bool has_cgroups = !request_.target.cgroups.empty();
  size_t groups = std::max<size_t>(1, request_.target.cgroups.size());
  if (auto status = make_room(groups, request_.events.size() + 3); !status) return status;
  if (has_cgroups) {
    if (auto status = open_cgroups(places); !status) return status;
  }
  if (auto status = opener.probe(first_wanted(), places.traced.front(), basis); !status)
    return status;
  find_extras(opener, places.traced.front(), basis);
  make_set(basis, !places.heard.empty());
  if (!is_command()) traced_ = places.traced;
  return set_->open(opener, places, permissions_, own_filter(), notes_);
}

base::Status LiveSource::open_cgroups(Places& places) {
  places = {};
  for (const std::string& folder : request_.target.cgroups) {
    base::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return base::system_error(errno, "cannot open cgroup " + folder);
    const Places more = places_for({fd.number(), -1, true, false});
    places.traced.insert(places.traced.end(), more.traced.begin(), more.traced.end());
    if (places.heard.empty()) places.heard = more.heard;
    cgroups_.push_back(std::move(fd));
  }
  return {};
}

base::Status LiveSource::start() {
  if (state_ != State::kOpened) return base::make_error(base::Code::kUsage, "already started");
  state_ = State::kStarted;
  is_paused_ = request_.starts_paused;
  start_time_ = base::now_of(CLOCK_MONOTONIC);
  if (launcher_ && is_command()) return launcher_->release();
  auto status = request_.starts_paused ? switch_kinds(true, true) : set_->opened().enable_all();
  if (status && launcher_) status = launcher_->release();
  return status;
}

/// Those that tell names and threads, or all others.
base::Status LiveSource::switch_kinds(bool is_of_names, bool is_enabled) {
  for (size_t kind = 0; kind < set_->opened().size(); ++kind) {
    if (set_->tells_names(kind) != is_of_names) continue;
    base::Status status = set_->opened().set_enabled(kind, is_enabled);
    if (!status) return status;
  }
  return {};
}

base::Status LiveSource::pause() {
  is_paused_ = true;
  return state_ == State::kStarted ? switch_kinds(false, false) : base::Status();
}

base::Status LiveSource::resume() {
  is_paused_ = false;
  return state_ == State::kStarted ? switch_kinds(false, true) : base::Status();
}

/// A clock's frequency became a period when it was opened (perf_swevent_init_hrtimer), others keep theirs.
base::Result<bool> LiveSource::set_rate(double share) {
  // PERF_EVENT_IOC_PERIOD does not reach what children inherited.
  const bool is_inherited = follows_tasks();
  if (is_inherited || state_ != State::kStarted) return false;
  bool has_any = false;
  for (size_t kind = 0; kind < set_->size(); ++kind) {
    const EventRequest& event = set_->request(kind);
    if (event.frequency_hz == 0 || !event.is_wanted) continue;
    const double hz = std::max(static_cast<double>(event.frequency_hz) * share, 1.0);
    const bool is_clock =
        event.type == PERF_TYPE_SOFTWARE &&
        (event.config == PERF_COUNT_SW_CPU_CLOCK || event.config == PERF_COUNT_SW_TASK_CLOCK);
    const base::Status status =
        set_->opened().set_period(kind, static_cast<uint64_t>(is_clock ? 1e9 / hz : hz));
    if (!status) return status.error();
    has_any = true;
  }
  return has_any;
}

std::vector<sys::ThreadInfo> LiveSource::rundown() {
  if (is_command()) return {sys::load_thread(launcher_->pid(), launcher_->pid())};
  sys::ThreadScan scan = sys::scan_threads();
  const Target& target = request_.target;
  if (target.has_tasks() && !selects_tasks_) {  // the kernel gives no others
    const auto has = [](const std::vector<int32_t>& ids, int32_t id) {
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    std::erase_if(scan.threads, [&](const sys::ThreadInfo& thread) {
      return !has(target.pids, thread.pid) && !has(target.tids, thread.tid) &&
             inherited_.count(thread.tid) == 0;
    });
    auto ended = attached_;
    for (const sys::ThreadInfo& thread : scan.threads) ended.erase(thread.tid);
    for (const auto& [tid, thread] : ended) scan.threads.push_back(thread);
  }
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
  set_->opened().disable_all();
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
  const bool has_ended = launcher_ ? !launcher_->is_running() : tasks_have_ended();
  round.is_last = is_stop_requested_ || has_ended;
  if (round.is_last) {
    disable();
    round.horizon = base::now_of(CLOCK_MONOTONIC);
  } else {
    round.horizon = base::now_of(CLOCK_MONOTONIC) - kSlack;  // before the heads are read
  }
  set_->rings().collect(round.spans, notes_);
  return {};
}

}  // namespace oc::perf
