#include "session/session.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>

#include "base/clock.h"
#include "session/process_facts.h"
#include "source/sample_span.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;
using event::EventKind;
using event::kKernelRecords;

namespace {

std::vector<int32_t> own_threads() {
  std::vector<int32_t> tids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    tids.push_back(std::stoi(entry.path().filename()));
  }
  return tids;
}

}  // namespace

Session::Session() : processes_(strings_), stacks_(strings_) {}

Session::~Session() {
  if (recorder_ && !is_over_) finish_recording();  // a script ended without a word
  recording_thread_.reset();
  pump_.reset();  // its thread uses the rest
}

Status Session::open_file(const std::string& path, const std::function<bool()>& is_asked_to_stop) {
  auto file = source::RecordedTrace::open(path, is_asked_to_stop);
  if (!file) return std::move(file.error());
  file_ = std::move(*file);
  return {};
}

const event::EventTable* Session::recorded_events() const {
  if (file_) return &file_->events();
  return fed_ ? &fed_->events() : nullptr;
}

uint32_t Session::kind_count() const {
  return kKernelRecords + (is_live() ? plan_.size() : recorded_events()->size());
}

const EventKind* Session::sample_kind(uint32_t kind) const {
  if (kind < kKernelRecords || kind >= kind_count()) return nullptr;
  return is_live() ? &plan_.kind(kind - kKernelRecords)
                   : &(*recorded_events())[kind - kKernelRecords];
}

std::string_view Session::kind_name(uint32_t kind) const {
  if (kind < kKernelRecords) return event::kernel_record_formats()[kind].name;
  if (const auto* proxy = find_proxy(kind); proxy != nullptr) return proxy->name;
  const EventKind* sample = sample_kind(kind);
  return sample == nullptr ? std::string_view{} : std::string_view(sample->name);
}

const event::EventFormat* Session::kind_format(uint32_t kind) const {
  if (kind < kKernelRecords) return &event::kernel_record_formats()[kind];
  if (const auto* proxy = find_proxy(kind); proxy != nullptr) return proxy;
  const EventKind* sample = sample_kind(kind);
  return sample == nullptr || !sample->format ? nullptr : &*sample->format;
}

const event::EventTable* Session::events() const {
  if (file_) return &file_->events();
  return live_ ? &live_->events() : nullptr;
}

bool Session::has_switch_records() const {
  if (is_live()) return true;
  const auto& events = *recorded_events();
  for (uint32_t i = 0; i < events.size(); ++i) {
    if (events[i].attr.context_switch) return true;
  }
  return false;
}

void Session::want(uint32_t kind) {
  if (kind >= kind_count()) return;
  if (wanted_.size() < kind_count()) wanted_.resize(kind_count());
  wanted_[kind] = 1;
}

Status Session::start(const RunOptions& options) {
  if (decoder_ || is_over_)
    return make_error(Code::kUsage, "this trace has been run already",
                      "open it again for a second run");
  prepare_control(options);
  Selection selection;
  wanted_.resize(kind_count());
  selection.wanted = wanted_;
  selection.cgroups = &cgroups_;
  if (options.max_events != 0) selection.max_events = options.max_events;
  if (options.max_span != 0) selection.max_span = options.max_span;
  const auto& target = options.target;
  auto fits = check_target(target, !options.command.empty(), !is_live());
  if (!fits) return fits;
  selection.tasks = TaskSelection({}, {}, target.comms);
  if (auto status = choose_window(options.window, selection); !status) return status;
  if (is_live()) return start_live(options, selection);
  selection.tasks = TaskSelection(target.pids, target.tids, target.comms);
  selection.cpus = target.cpus;
  if (fed_) return start_fed(selection);
  // What a pipe brings is handed over as it comes, on the script's thread, so that timers fire.
  selection.is_live = file_->is_live();
  if (!file_->is_live()) selection.batches_ahead = Pump::kBatches - 1;
  selection.stacks = stacks_.start(file_->events(), &file_->facts());
  decoder_ = std::make_unique<Decoder>(file_->source(), processes_, std::move(selection));
  pump_ = std::make_unique<Pump>(*decoder_);
  if (!file_->is_live()) pump_->start_ahead();
  return {};
}

Status Session::choose_window(const TimeWindow& window, Selection& selection) {
  if (window.is_all()) return {};
  if (is_live()) {
    return make_error(Code::kUsage, "a part of the time can be chosen of a recorded trace only",
                      "end a live run after a time with -d, as in -d 10s");
  }
  selection.window = window_ = window;
  if (!window.needs_samples()) return {};
  source::SampleSpan span{file_->facts().first_sample, file_->facts().last_sample};
  if (span.last == 0 && file_->plain_file() != nullptr)
    span = source::find_sample_span(*file_->plain_file());
  selection.marks.first_sample = span.first;
  selection.marks.last_sample = span.last;
  if (span.last != 0) return {};
  const char* const why = file_->plain_file() != nullptr ? " has no sample with a time"
                                                         : " does not tell when its samples end";
  return make_error(Code::kInvalid, file_->path() + why + ", so there is no end to count from",
                    "count from its beginning, as in --time 1s,3s");
}

perf::LiveRequest Session::make_request(const RunOptions& options) const {
  using event::KernelRecord;
  const auto is_wanted = [&](size_t kind) { return kind < wanted_.size() && wanted_[kind] != 0; };
  const auto wants = [&](KernelRecord record) { return is_wanted(static_cast<size_t>(record)); };
  perf::LiveRequest request;
  request.events = plan_.requests();
  for (uint32_t i = 0; i < plan_.size(); ++i)
    request.events[i].is_wanted = is_wanted(kKernelRecords + i);
  request.command = options.command;
  request.target = options.target;
  request.buffer_bytes = options.buffer_bytes;
  request.starts_paused = options.starts_paused;
  request.switch_records = wants(KernelRecord::kSwitchOut) || wants(KernelRecord::kSwitchIn) ||
                           wants(KernelRecord::kSwitchOutWide) ||
                           wants(KernelRecord::kSwitchInWide);
  request.mmap_records = wants(KernelRecord::kMmap) || wants(KernelRecord::kMmap2) ||
                         wants(KernelRecord::kMmap2BuildId);
  request.code_records = stacks_.is_declared();
  request.extras.namespaces = wants(KernelRecord::kNamespaces);
  request.extras.cgroups = wants(KernelRecord::kCgroup);
  request.extras.ksymbols = wants(KernelRecord::kKsymbol);
  request.extras.bpf_events = wants(KernelRecord::kBpfEvent);
  request.extras.text_pokes = wants(KernelRecord::kTextPoke);
  request.own_tids = own_threads();
  return request;
}

Status Session::start_live(const RunOptions& options, Selection& selection) {
  using event::KernelRecord;
  perf::LiveRequest request = make_request(options);
  auto live = perf::LiveSource::open(std::move(request));
  if (!live) return std::move(live.error());
  live_ = std::move(*live);

  if (live_->selects_tasks())
    selection.tasks = TaskSelection(options.target.pids, options.target.tids, options.target.comms);
  selection.heard_only = live_->names_kind();
  selection.is_live = true;
  selection.own_pid = getpid();
  selection.keep_own.assign(kind_count(), 0);
  for (uint32_t i = 0; i < plan_.size(); ++i)
    selection.keep_own[kKernelRecords + i] = plan_.requests()[i].keep_own;
  // A switch made in our own context is also the switch-in of another thread.
  for (const auto record : {KernelRecord::kSwitchOut, KernelRecord::kSwitchIn,
                            KernelRecord::kSwitchOutWide, KernelRecord::kSwitchInWide})
    selection.keep_own[static_cast<size_t>(record)] = 1;
  if (auto status = live_->start(); !status) return status;
  if (plan_.samples_cgroups()) name_cgroups(cgroups_);
  selection.start = live_->start_time();
  wall_offset_ = static_cast<int64_t>(base::now_of(CLOCK_REALTIME) - base::now_of(CLOCK_MONOTONIC));
  if (options.max_span != 0) live_deadline_ = selection.start + options.max_span;
  const auto threads = live_->rundown();
  for (const sys::ThreadInfo& thread : threads) {
    processes_.rundown(thread.pid, thread.tid, thread.comm);
  }
  // The kernel gives threads that have no id in our pid namespace the idle task's.
  if (!sys::in_initial_pid_namespace()) processes_.name_idle("(outside)");
  selection.stacks = stacks_.start_live(*live_, threads);
  decoder_ = std::make_unique<Decoder>(*live_, processes_, std::move(selection));
  pump_ = std::make_unique<Pump>(*decoder_);
  return {};
}

std::chrono::milliseconds Session::look_at_deadline(std::chrono::milliseconds wait) {
  if (!live_deadline_) return wait;
  const base::Nanos now = base::now_of(CLOCK_MONOTONIC);
  if (now < *live_deadline_)
    return std::min(wait, std::chrono::milliseconds((*live_deadline_ - now) / 1'000'000 + 1));
  live_->request_stop();
  live_deadline_.reset();
  return wait;
}

Result<const Batch*> Session::next(std::chrono::milliseconds wait) {
  if (auto status = govern(); !status) return std::move(status.error());
  if (recorder_ && live_ && !is_over_) return next_recorded(wait);
  if (!pump_) return static_cast<const Batch*>(nullptr);  // finished, or never started
  wait = look_at_deadline(wait);
  auto batch = pump_->next(wait);
  if (batch && *batch != nullptr) counts_ = (*batch)->counts;
  decoder_is_done_ = !batch || *batch == nullptr || (*batch)->is_last;
  return batch;
}

void Session::finish() {
  if (recorder_ && !is_over_) return finish_recording();
  if (!decoder_) return;  // finished before, or never started
  pump_->finish();
  if (live_) live_->finish();
  losses_ = losses();
  is_over_ = true;
  pump_.reset();
  decoder_.reset();
}

void Session::end() {
  finish();
  if (!live_) return;
  live_->await_command();
  final_notes_ = notes();
  command_status_ = command_status();
  live_.reset();
}

}  // namespace oc::session
