#include "session/live_input.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/wall_clock.h"
#include "event/kernel_record.h"
#include "session/process_facts.h"
#include "sys/proc.h"

namespace oc::session {

using base::Status;
using event::KernelRecord;
using event::kKernelRecords;

namespace {

constexpr KernelRecord kSwitches[] = {KernelRecord::kSwitchOut, KernelRecord::kSwitchIn,
                                      KernelRecord::kSwitchOutWide, KernelRecord::kSwitchInWide};

/// Sets what brings the records that `wants` is true of.
template <typename Wants>
void ask_for(perf::LiveRequest& request, Wants&& wants) {
  request.switch_records = std::any_of(std::begin(kSwitches), std::end(kSwitches), wants);
  request.mmap_records = wants(KernelRecord::kMmap) || wants(KernelRecord::kMmap2) ||
                         wants(KernelRecord::kMmap2BuildId);
  request.extras.namespaces = wants(KernelRecord::kNamespaces);
  request.extras.cgroups = wants(KernelRecord::kCgroup);
  request.extras.ksymbols = wants(KernelRecord::kKsymbol);
  request.extras.bpf_events = wants(KernelRecord::kBpfEvent);
  request.extras.text_pokes = wants(KernelRecord::kTextPoke);
}

std::vector<int32_t> own_threads() {
  std::vector<int32_t> tids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    tids.push_back(std::stoi(entry.path().filename()));
  }
  return tids;
}

}  // namespace

/// A list may name an event more than once ("sched:sched_switch,sched:*").
base::Result<std::vector<uint32_t>> LiveInput::resolve(const std::string& name,
                                                       const LiveSettings& settings) {
  auto found = plan_.resolve(name, settings);
  if (!found) return found;
  std::vector<uint32_t> once;
  for (const uint32_t index : *found) {
    if (std::find(once.begin(), once.end(), index) == once.end()) once.push_back(index);
  }
  return once;
}

void LiveInput::set_kernel_filter(uint32_t index, std::string text) {
  if (index < plan_.size()) plan_.set_filter(index, std::move(text));
}

std::string LiveInput::kernel_filter_taken(uint32_t index) const {
  return live_ ? live_->filter(index) : std::string();
}

perf::LiveRequest LiveInput::make_request(const RunOptions& options,
                                          const std::vector<uint8_t>& wanted) const {
  const auto wants = [&](KernelRecord record) { return wanted[static_cast<size_t>(record)] != 0; };
  perf::LiveRequest request;
  request.events = plan_.requests();
  for (uint32_t i = 0; i < plan_.size(); ++i)
    request.events[i].is_wanted = wanted[kKernelRecords + i] != 0;
  request.command = options.command;
  request.is_beside_prompt = options.is_beside_prompt;
  request.target = options.target;
  request.buffer_bytes = options.buffer_bytes;
  request.starts_paused = options.starts_paused;
  ask_for(request, wants);
  request.own_tids = own_threads();
  return request;
}

Status LiveInput::open(perf::LiveRequest request, const RunOptions& options) {
  overhead_ = OverheadLimit(options.max_overhead);
  auto live = perf::LiveSource::open(std::move(request));
  if (!live) return std::move(live.error());
  live_ = std::move(*live);
  plan_.reserve(live_->events());
  return {};
}

Status LiveInput::start_events(const RunOptions& options) {
  if (auto status = live_->start(); !status) return status;
  wall_offset_ = base::wall_clock_offset();
  if (options.max_span != 0) deadline_ = live_->start_time() + options.max_span;
  return {};
}

/// The kernel chooses whom it follows; only events that are added later are of everybody.
void LiveInput::choose_tasks(const perf::Target& target, Selection& selection) const {
  auto pids = target.pids;
  if (live_->is_command()) pids.push_back(live_->command_pid());
  const bool follows = live_->follows_tasks();
  selection.kernel_chose_tasks = follows && target.comms.empty();
  selection.tasks = follows ? TaskSelection(std::move(pids), target.tids, target.comms)
                            : TaskSelection({}, {}, target.comms);
}

void LiveInput::complete(Selection& selection) const {
  const size_t kinds = kKernelRecords + plan_.size();
  selection.wanted.resize(kinds);
  selection.keep_own.assign(kinds, 0);
  selection.unchosen.assign(kinds, 0);
  for (uint32_t i = 0; i < plan_.size(); ++i) {
    selection.keep_own[kKernelRecords + i] = plan_.requests()[i].keep_own;
    const bool is_late = std::count(late_.begin(), late_.end(), i) != 0;
    selection.unchosen[kKernelRecords + i] = is_late && live_->follows_tasks();
  }
  // A switch made in our own context is also the switch-in of another thread.
  for (const auto record : kSwitches) selection.keep_own[static_cast<size_t>(record)] = 1;
}

/// Whatever was resolved while it runs has its number in the source, too.
void LiveInput::settle() {
  while (live_->events().size() < plan_.size())
    live_->add(plan_.requests()[live_->events().size()]);
}

Status LiveInput::hear(KernelRecord record) {
  const auto visit = at_rest();
  if (live_->is_finished()) return {};  // nothing follows
  settle();
  perf::LiveRequest more;
  ask_for(more, [record](KernelRecord other) { return other == record; });
  auto status = live_->hear(more);
  plan_.reserve(live_->events());
  return status;
}

Status LiveInput::add(uint32_t index) {
  const auto visit = at_rest();
  if (live_->is_open(index) || live_->is_finished()) return {};
  settle();
  if (auto status = live_->open_late(index, plan_.requests()[index]); !status) return status;
  if (std::count(late_.begin(), late_.end(), index) == 0) late_.push_back(index);
  return {};
}

void LiveInput::remove(uint32_t index) {
  if (!live_) return;
  const auto visit = at_rest();
  live_->close(index);
}

Status LiveInput::change_filter(uint32_t index, std::string text) {
  plan_.set_filter(index, std::move(text));
  const auto visit = at_rest();
  const auto& request = plan_.requests()[index];
  if (live_->is_finished() || !live_->is_open(index) || request.type != PERF_TYPE_TRACEPOINT ||
      live_->filter(index) == request.filter)
    return {};
  return live_->begin_exchange(index, request);
}

/// Around `at` both write: each event that was being told when the newer ones began, or is when it is `at`, is finished
/// first. Meanwhile the spool goes on.
std::vector<perf::LiveSource::Exchange> LiveInput::finish_filters() {
  if (!live_ || !live_->has_exchanges()) return {};
  perf::LiveSource::wait_for_handlers();
  const base::Nanos at = base::now_of(CLOCK_MONOTONIC);
  perf::LiveSource::wait_for_handlers();
  const auto visit = at_rest();
  return live_->finish_exchanges(at);
}

Status LiveInput::start(const RunOptions& options, TraceModel& model, Selection& selection) {
  // Its thread is one of our own, which are listed next.
  if (options.spool_bytes != 0) spool_ = std::make_unique<SpooledSource>();
  perf::LiveRequest request = make_request(options, selection.wanted);
  request.code_records = model.stacks.is_declared();
  if (request.code_records) request.extras.ksymbols = true;
  if (auto status = open(std::move(request), options); !status) return status;
  selection.cpus.clear();  // the kernel chooses
  if (!live_->selects_tasks()) {
    choose_tasks(options.target, selection);
  } else if (const pid_t command = live_->command_pid(); command != 0) {
    selection.tasks.await_exec(command);
  }
  selection.heard_only = live_->names_kind();
  selection.is_live = true;
  selection.own_pid = getpid();
  complete(selection);
  if (auto status = start_events(options); !status) return status;
  selection.start = live_->start_time();
  if (plan_.samples_cgroups()) name_cgroups(model.cgroups);
  const auto threads = live_->rundown();
  for (const sys::ThreadInfo& thread : threads) {
    model.processes.rundown(thread.pid, thread.tid, thread.comm);
  }
  model.stacks.start_live(*live_, threads);
  // The kernel gives threads that have no id in our pid namespace the idle task's.
  if (!sys::in_initial_pid_namespace()) model.processes.name_idle("(outside)");
  if (!spool_) return {};
  return spool_->begin(*live_, options.spool_bytes,
                       [this](uint32_t stream) { return live_->is_sideband(stream); });
}

std::chrono::milliseconds LiveInput::before_batch(std::chrono::milliseconds wait) {
  if (overhead_.is_set()) {
    const auto visit = at_rest();
    overhead_.keep(*live_);
  }
  if (!deadline_) return wait;
  const base::Nanos now = base::now_of(CLOCK_MONOTONIC);
  if (now < *deadline_)
    return std::min(wait, std::chrono::milliseconds((*deadline_ - now) / 1'000'000 + 1));
  live_->request_stop();
  deadline_.reset();
  return wait;
}

Status LiveInput::set_paused(bool is_paused) {
  if (!live_) return {};
  const auto visit = at_rest();
  return is_paused ? live_->pause() : live_->resume();
}

void LiveInput::stop() {
  if (live_) live_->request_stop();
}

void LiveInput::wake() {
  if (live_) source().wake();
}

void LiveInput::finish() {
  if (spool_) spool_->finish();
  if (live_) live_->finish();
}

void LiveInput::end() {
  if (!live_) return;
  if (spool_) spool_->finish();
  live_->await_command();
  final_notes_ = notes(true);
  final_status_ = command_status();
  live_.reset();
}

uint64_t LiveInput::counted(uint32_t index) const {
  if (!live_) return 0;
  const auto visit = at_rest();
  return live_->counted(index);
}

/// The kernel's own numbers, by CPU and event, are whole, but only there at the end.
std::vector<source::Loss> LiveInput::final_losses() {
  // While it runs that costs two calls of the kernel for each event: for sessions that ask now and then.
  if (!live_ || (!live_->is_finished() && !spool_)) return {};
  const auto visit = at_rest();
  return live_->final_losses();
}

std::vector<std::string> LiveInput::notes(bool /*is_at_rest*/) const {
  if (!live_) return final_notes_;
  const auto visit = at_rest();
  auto notes = live_->notes();
  if (auto note = overhead_.note(); !note.empty()) notes.push_back(std::move(note));
  return notes;
}

std::optional<int> LiveInput::command_status() const {
  if (!live_) return final_status_;
  const auto visit = at_rest();
  const auto status = live_->command_status();
  if (!status) return std::nullopt;
  return WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
}

}  // namespace oc::session
