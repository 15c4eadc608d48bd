#include "session/session.h"

#include <fmt/format.h>

#include <utility>

#include "session/target_settings.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;

Session::~Session() {
  if (recording_.is_started()) finish();  // a script ended without a word
}

FedInput& Session::open_fed(std::string name, base::Nanos start, base::Nanos window,
                            int64_t wall_offset) {
  auto& fed = input_.emplace<FedInput>(std::move(name), start, window, wall_offset);
  kinds_ = EventKinds(fed);
  return fed;
}

Status Session::open_file(const std::string& path, const std::function<bool()>& is_asked_to_stop) {
  if (path != "-" && tar::may_be_archive(path)) {
    auto archive = tar::Unpacked::open(path, is_asked_to_stop);
    if (archive) return open_archive(std::move(*archive));
    // What is packed but no archive is told of as a trace that is packed.
    if (archive.error().code != Code::kNotFound) return std::move(archive.error());
  }
  auto trace = source::RecordedTrace::open(path, is_asked_to_stop);
  if (!trace) return std::move(trace.error());
  kinds_ = EventKinds(input_.emplace<FileInput>(std::move(*trace)));
  return {};
}

/// The archive's first member is its trace; the others are unpacked when stacks need them.
Status Session::open_archive(std::unique_ptr<tar::Unpacked> archive) {
  const std::string name = archive->archive();
  auto mapping = base::Mapping::open(archive->first());
  if (!mapping) return std::move(mapping.error());
  auto trace = source::RecordedTrace::load(name, std::move(*mapping));
  if (!trace) return std::move(trace.error()).context(name + " is an archive without a trace");
  kinds_ = EventKinds(input_.emplace<FileInput>(std::move(*trace), std::move(archive)));
  return {};
}

TraceInput& Session::input() {
  return std::visit([](auto& input) -> TraceInput& { return input; }, input_);
}

const source::RecordedTrace* Session::file() const {
  const auto* file = std::get_if<FileInput>(&input_);
  return file == nullptr ? nullptr : &file->trace();
}

Status Session::check(const RunOptions& options) const {
  if (was_started()) {
    return make_error(Code::kUsage, "this trace has been run already",
                      "open it again for a second run");
  }
  auto fits = check_target(options.target, !options.command.empty(), !is_live());
  if (fits && !options.window.is_all() && file() == nullptr) {
    return make_error(Code::kUsage, "a part of the time can be chosen of a recorded trace only",
                      "end a live run after a time with -d, as in -d 10s");
  }
  return fits;
}

Result<TraceSubset*> Session::open_subset(const std::string& path) {
  if (file() == nullptr) {
    return make_error(Code::kUsage, "a part of a trace can be made of a recorded trace only",
                      "oc record writes a live one");
  }
  auto made = TraceSubset::open(*file(), path);
  if (!made) return std::move(made.error());
  subsets_.push_back(std::move(*made));
  return subsets_.back().get();
}

void Session::close_subset(const TraceSubset* subset) {
  std::erase_if(subsets_, [&](const auto& at) { return at.get() == subset; });
}

Status Session::start(const RunOptions& options) {
  if (auto status = check(options); !status) return status;
  is_paused_ = options.starts_paused;
  Selection selection;
  selection.wanted = kinds_.wanted();
  selection.of_everyone = kinds_.of_everyone();
  if (options.max_events != 0) selection.max_events = options.max_events;
  if (options.max_span != 0) selection.max_span = options.max_span;
  selection.window = options.window;
  const auto& target = options.target;
  selection.tasks = TaskSelection(target.pids, target.tids, target.comms);
  if (!is_live()) selection.tasks.choose_recorded();
  selection.cpus = target.cpus;
  selection.keeps_side_records = !subsets_.empty();
  if (wants_machine_) model_.keep_log();
  if (auto status = input().start(options, model_, selection); !status) return status;
  if (wants_machine_) make_machine();
  run_ = std::make_unique<Run>(input(), model_, std::move(selection));
  return {};
}

Status Session::start_recording(const RunOptions& options, RecordOptions recording) {
  if (auto status = check(options); !status) return status;
  if (!is_live()) {
    return make_error(Code::kUsage, "only a live trace can be recorded",
                      "open it without an input");
  }
  is_paused_ = options.starts_paused;
  return recording_.start(*live(), options, kinds_.wanted(), std::move(recording));
}

Status Session::dump(const std::string& path) {
  if (!recording_.is_started() || is_over_)
    return make_error(Code::kUsage, "there is no recording to dump",
                      "dump it before it is stopped");
  return recording_.dump(path);
}

void Session::make_machine() {
  machine::Machine::Traced traced;
  if (const StackTables* tables = model_.stacks.tables()) {
    traced = {&tables->modules, &tables->frames, &tables->stacks, model_.stacks.names()};
  }
  traced.log = model_.log.get();
  machine_ = std::make_unique<machine::Machine>(traced);
  feed_ = std::make_unique<MachineFeed>(model_, kinds_, *machine_);
  if (keeps_records_) feed_->keep_records();
  if (feeds_chosen_) feed_->take_chosen();
}

/// What is known at the end only.
void Session::tell_machine() {
  feed_->finish(counts());
  if (is_live()) feed_->ask_processes();
  machine::TraceFacts& facts = machine_->facts;
  facts.wall_offset = input().wall_offset();
  for (std::string& note : notes()) facts.notes.push_back(std::move(note));
  for (const source::Loss& loss : losses_) {
    machine::Loss told;
    told.cpu = loss.cpu;
    if (loss.event != event::EventTable::kUnknown) {
      const uint32_t number = EventKinds::number_of_sample(loss.event);
      told.event = machine_->texts.intern(kinds_.name(number));
    }
    told.records = loss.records;
    facts.losses.push_back(told);
  }
}

Status Session::add(uint32_t kind) {
  if (!run_ || is_over_) return make_error(Code::kUsage, "the trace does not run");
  const auto before = kinds_.wanted();
  const bool was_wanted = kind < before.size() && before[kind] != 0;
  if (!is_live()) {
    if (was_wanted) return {};
    return make_error(Code::kUsage,
                      fmt::format("'{}' was not asked for when the trace began, and has not been "
                                  "read since",
                                  kinds_.name(kind)),
                      "register it before the trace starts; h:off() and h:on() switch it");
  }
  if (kind >= event::kKernelRecords) {
    if (auto status = live()->add(EventKinds::index_of_sample(kind)); !status) return status;
  } else if (auto status = live()->hear(static_cast<event::KernelRecord>(kind)); !status) {
    return status;
  }
  kinds_.want(kind);
  tell_changes();
  return {};
}

/// To the decoder: another table, other kinds that are wanted.
void Session::tell_changes() {
  Selection changed;
  changed.wanted = kinds_.wanted();
  changed.of_everyone = kinds_.of_everyone();
  live()->complete(changed);
  run_->change(std::move(changed));
}

void Session::remove(uint32_t kind) {
  if (is_live() && kind >= event::kKernelRecords) live()->remove(EventKinds::index_of_sample(kind));
}

Status Session::change_kernel_filter(uint32_t kind, std::string text) {
  if (!is_live() || !run_ || is_over_ || kind < event::kKernelRecords) return {};
  return live()->change_filter(EventKinds::index_of_sample(kind), std::move(text));
}

void Session::finish_kernel_filters() {
  if (!is_live() || !run_ || is_over_) return;
  for (const auto& over : live()->finish_filters())
    run_->hand_over(over.kind, over.from, over.at, over.older, over.newer);
}

Result<const Batch*> Session::next(std::chrono::milliseconds wait) {
  if (is_over_ || !was_started()) return static_cast<const Batch*>(nullptr);
  if (!run_) return recording_.next(wait);
  for (const auto& subset : subsets_) subset->finish_batch();
  auto batch = run_->next(wait);
  if (batch && *batch != nullptr) {
    for (const auto& subset : subsets_) subset->begin_batch(**batch);
  }
  if (feed_ && batch && *batch != nullptr) feed_->add(**batch);
  if (expects_names_ && batch && *batch != nullptr) begin_names();
  return batch;
}

/// After a few batches most of the files that are sampled at all have been met. Of a pipe that is still written nothing is begun:
/// what it names may not be there yet, and the thread that would look is the one that reads.
void Session::begin_names() {
  constexpr uint32_t kBatchesBefore = 3;
  if (++batches_ != kBatchesBefore || !input().may_run_ahead()) return;
  if (FrameNames* const names = model_.stacks.names(); names != nullptr) names->expect();
}

void Session::stop() {
  if (run_) run_->stop();  // first: the decoder is woken to see it
  input().stop();
}

Status Session::set_paused(bool is_paused) {
  if (is_paused == is_paused_) return {};
  if (auto status = input().set_paused(is_paused); !status) return status;
  is_paused_ = is_paused;
  return {};
}

void Session::finish() {
  if (is_over_ || !was_started()) return;
  for (const auto& subset : subsets_) subset->finish_batch();
  if (run_) run_->finish();
  if (recording_.is_started()) recording_.finish();
  input().finish();
  losses_ = losses();
  is_over_ = true;
  if (feed_) tell_machine();
}

void Session::end() {
  finish();
  input().end();
}

const Counts& Session::counts() const { return run_ ? run_->counts() : recording_.counts(); }

/// A file tells all by itself. Live, where LOST records told of more on a CPU than the final numbers do (before Linux 6.0, or a descriptor that could not
/// be read), the rest is added.
std::vector<source::Loss> Session::losses() {
  if (is_over_ || !was_started()) return losses_;
  if (file() != nullptr && run_) return run_->losses();
  return add_missing(input().final_losses(),
                     run_ ? run_->lost_by_cpu() : recording_.recorder().lost_by_cpu());
}

std::vector<std::string> Session::notes() {
  auto notes = input().notes(is_at_rest());
  if (recording_.is_started()) {
    const auto& more = recording_.recorder().notes();
    notes.insert(notes.end(), more.begin(), more.end());
  }
  if (auto note = stacks().note(); !note.empty()) notes.push_back(std::move(note));
  if (run_ && file() != nullptr) {
    const std::string miss = run_->describe_miss();
    if (!miss.empty()) notes.push_back(file()->path() + ": " + miss);
  }
  if (const uint64_t untold = stacks().counts().untold_processes; untold != 0)
    notes.push_back(fmt::format(
        "{} process{} put more compiled code over other code than is told apart: names of "
        "what lies there may be those of other functions",
        untold, untold == 1 ? "" : "es"));
  return notes;
}

bool Session::is_damaged() { return input().is_damaged(is_at_rest()); }

}  // namespace oc::session
