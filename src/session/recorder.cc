#include "session/recorder.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "perf/attr_builder.h"
#include "session/folded_sample.h"
#include "session/host_features.h"
#include "session/loss_records.h"

namespace oc::session {

using std::chrono::milliseconds;

namespace {

constexpr uint64_t kEverything = ~uint64_t{0};
constexpr uint64_t kNoLimit = UINT64_MAX;
constexpr size_t kThreadsBetweenRounds = 32;  // of a list of what runs

/// A full pipe or disk is an error that write tells: no signal.
void ignore_signals_of_writes() {
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
}

/// This thread alone: a turn is short, and where all CPUs are taken it must not wait for its share of them. Refused
/// to ordinary users.
void come_first() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -15); }

/// All files that were found are listed in any case.
void ignore_file(const perf::MappedFile&) {}

uint64_t default_memory() {
  const uint64_t all = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * perf::page_size_bytes();
  return std::min<uint64_t>(all / 4, 1u << 30);
}

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::open(RecordOptions options) {
  ignore_signals_of_writes();
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(options)));
  const RecordOptions& given = recorder->options_;
  block_dump_signal();
  if (given.output.empty()) return recorder;
  const std::string first = recorder->rotates() ? numbered_path(given.output, 1) : given.output;
  auto output = source::TraceOutput::open(first);
  if (!output) return std::move(output.error());
  recorder->writes_to_stdout_ = output->is_stdout();
  if (recorder->keeps_in_memory() && output->is_seekable()) {
    output->discard();  // so far it was only to be seen whether a file can be there
  } else {
    recorder->opened_ = std::move(*output);
  }
  return recorder;
}

void Recorder::discard() {
  if (opened_) opened_->discard();
  if (file_) file_->discard();
  is_finished_ = true;
}

base::Status Recorder::prepare(perf::LiveSource& live) {
  live_ = &live;
  total_ = std::make_unique<RecordTally>(live.events());
  beginning_.features = load_host_features(options_.version);
  const auto sideband = static_cast<uint32_t>(live.request().events.size());
  const uint32_t trailer = live.events()[sideband].layout.trailer_size;
  rundown_.emplace(trailer, live.extras());
  if (perf::keeps_user_stacks(live.request())) rundown_->include_data();
  mapped_ =
      std::make_unique<MappedFiles>(rundown_->files(), live.events(), live.extras().build_ids);
  if (live.request().folds_stacks && perf::has_user_stacks(live.request()))
    folder_ = std::make_unique<StackFolder>(live.events(), *rundown_, trailer);
  const perf::Target& target = live.request().target;
  if (live.selects_tasks() || !target.comms.empty())
    selection_ = std::make_unique<RecordSelection>(live.events(), target, live.selects_tasks(),
                                                   live.command_pid());
  std::vector<uint32_t> groups;
  for (const perf::EventRequest& request : live.request().events) groups.push_back(request.group);
  beginning_.features.add_groups(groups);
  bpf_.load();
  beginning_.tracing_data = load_tracing_data(live.request().events);
  beginning_.most_round_bytes = std::max(live.data_ring_bytes(), perf::kDefaultSidebandBytes);
  beginning_.compression = options_.compression;
  if (keeps_in_memory()) {
    const uint64_t most = options_.memory_bytes != 0 ? options_.memory_bytes : default_memory();
    spool_ = std::make_unique<FlightSpool>(options_.overwrite, most);
    return {};
  }
  // Begun before the events run, so that a full disk is told before a command is started.
  auto file = begin_trace(std::move(*opened_));
  opened_.reset();
  if (!file) return std::move(file.error());
  file_ = std::move(*file);
  if (options_.max_bytes != 0) file_->writer().set_limit(options_.max_bytes);
  return {};
}

/// What the recording is about, as far as the kernel tells it apart.
std::vector<sys::ThreadInfo> Recorder::find_threads() {
  if (!std::exchange(is_begun_, true)) {
    auto threads = live_->rundown();
    for (const sys::ThreadInfo& thread : threads) followed_.add(thread);
    return threads;
  }
  if (live_->follows_tasks() && followed_.is_whole()) return followed_.list();
  return sys::scan_threads().threads;
}

/// Sections that have changed since the trace was begun. Where one command is recorded nobody is told of the BPF
/// programs that others load, though its samples may lie in them: so they are looked for once more.
source::FeatureSections Recorder::late_features() {
  source::FeatureSections more;
  bpf_.load();
  if (bpf_.size() != bpf_begun_) bpf_.add_to(more);
  return more;
}

/// Events run already, so that what starts meanwhile is in the rings; no round ends before all of this is written,
/// and its time is 0: a reader takes it first.
///
/// On a machine with many processes that takes long: the rings are emptied now and then, into the file or segment at
/// hand. `missed` gets the sideband of that, where the list begins another one.
base::Status Recorder::list_what_runs(base::ByteSink& records, base::ByteSink* missed) {
  rundown_->add_kernel(records);
  bpf_.list(*rundown_, records);
  rundown_->add_cgroups(records);
  const bool is_first = !is_begun_;
  const auto threads = find_threads();
  size_t listed = 0;
  for (const sys::ThreadInfo& thread : threads) {
    const size_t before = records.size();
    rundown_->add_thread(thread, records);
    if (folder_ && is_first) folder_->rundown(records.bytes().subspan(before));
    if (selection_) selection_->rundown(thread);
    const bool has_place = file_ || !spool_->segments().empty();
    if (++listed % kThreadsBetweenRounds != 0 || !has_place) continue;
    if (auto status = take_round(milliseconds(0)); !status) return status;
    if (missed != nullptr) copy_sideband(*missed);
    if (auto status = store_round(missed != nullptr); !status) return status;
  }
  return {};
}

base::Result<std::unique_ptr<TraceFile>> Recorder::begin_trace(source::TraceOutput output) {
  bpf_.add_to(beginning_.features);
  bpf_begun_ = bpf_.size();
  const event::EventTable& events = live_->events();
  const event::EventTable stored = folder_ ? make_folded_events(events) : events;
  return TraceFile::begin(std::move(output), beginning_, events, make_marked_events(stored));
}

base::Status Recorder::begin() {
  started_ = live_->start_time();
  if (spool_) return begin_segment();
  base::ByteSink records;
  if (auto status = list_what_runs(records, nullptr); !status) return status;
  return begin_file(records.bytes());
}

base::Status Recorder::begin_file(std::span<const uint8_t> rundown) {
  ++files_made_;
  file_began_ = base::now_of(CLOCK_MONOTONIC);
  for (const perf::MappedFile& file : rundown_->files().all())
    file_->tally().add_build_id({file.build_id, file.path, -1, file.is_kernel});
  auto status = file_->writer().append(mapped_->look_at(rundown, ignore_file));
  begun_bytes_ = file_->bytes();
  if (options_.rotate_bytes != 0 && 2 * begun_bytes_ > options_.rotate_bytes &&
      !is_rotation_small_) {
    is_rotation_small_ = true;
    notes_.push_back(
        fmt::format("--rotate: a file begins with {} bytes about what runs already, so files are "
                    "at least twice as large",
                    begun_bytes_));
  }
  return status;
}

/// Beyond a limit on the size: they tell what there is none of in the file.
base::Status Recorder::write_losses() {
  auto all = live_->final_losses();
  const auto lost = losses_since(lost_before_, all);
  lost_before_ = std::move(all);  // the next file goes on from here
  if (lost.empty()) return {};
  file_->writer().set_limit(kNoLimit);
  return file_->writer().append(make_loss_records(live_->events(), lost));
}

base::Status Recorder::end_file() {
  auto status =
      failure_ ? base::Status() : write_losses();  // no room for them where a write failed
  auto finished = file_->finish(late_features());
  if (status) status = std::move(finished);
  record_bytes_ += file_->writer().record_bytes();
  total_->merge(file_->tally());
  keep(*file_);
  file_.reset();
  while (options_.rotate_files != 0 && files_.size() > options_.rotate_files) {
    unlink(files_.front().path.c_str());
    files_.erase(files_.begin());
  }
  return status;
}

void Recorder::keep(const TraceFile& file) {
  files_.push_back({file.path(), file.bytes(), file.tally().samples_by_event()});
}

bool Recorder::is_file_done(base::Nanos now) const {
  const uint64_t least = std::max(options_.rotate_bytes, 2 * begun_bytes_);
  if (options_.rotate_bytes != 0 && file_->bytes() >= least) return true;
  return options_.rotate_time != 0 && now - file_began_ >= options_.rotate_time;
}

void Recorder::copy_sideband(base::ByteSink& records) const {
  for (const source::Span& span : round_.spans) {
    if (live_->is_sideband(span.stream))
      records.put_bytes({span.begin, static_cast<size_t>(span.end - span.begin)});
  }
}

/// The next file: what runs is listed first, then the rings are emptied once more into the old one. Who came or went
/// between the two is in the sideband of that round, which both files get.
///
///     old:  … rounds | round                                    |
///     new:           | rundown, sideband of the round           | rounds …
///             list /proc ^     ^ empty the rings
base::Status Recorder::rotate() {
  base::ByteSink records;
  base::ByteSink missed;
  auto status = list_what_runs(records, &missed);
  if (status) status = take_round(milliseconds(0));
  if (!status) return status;
  records.put_bytes(missed.bytes());
  copy_sideband(records);
  status = store_round();
  if (!status || round_.is_last) return status;
  auto output = source::TraceOutput::open(numbered_path(options_.output, files_made_ + 1));
  if (!output) return std::move(output.error());
  auto next = begin_trace(std::move(*output));
  if (!next) return std::move(next.error());
  status = end_file();
  file_ = std::move(*next);
  auto begun = begin_file(records.bytes());
  return status ? std::move(begun) : std::move(status);
}

base::Status Recorder::take_round(milliseconds wait) { return live_->next_round(wait, round_); }

void Recorder::give_back() {
  for (const source::Span& span : round_.spans) live_->release(span.stream, kEverything);
}

void Recorder::look_at_sideband() {
  sideband_.clear();
  for (const source::Span& span : round_.spans) {
    if (!live_->is_sideband(span.stream)) continue;
    bpf_.look_at(span);
    sideband_.push_back(span);
  }
  if (spool_ || rotates()) followed_.learn(sideband_);
}

/// Behind all who want to see what the kernel told.
void Recorder::look_at_mappings() {
  const auto is_sideband = [this](const source::Span& span) {
    return live_->is_sideband(span.stream);
  };
  mapped_->look_at(round_.spans, is_sideband, [this](const perf::MappedFile& file) {
    const source::BuildId id{file.build_id, file.path, -1, file.is_kernel};
    if (file_) file_->tally().add_build_id(id);
    if (spool_) spool_->add_file(id);
  });
}

base::Status Recorder::store_round(bool may_end_round) {
  base::Status status;
  look_at_sideband();
  const auto is_sideband = [this](uint32_t stream) { return live_->is_sideband(stream); };
  if (selection_) selection_->choose(round_.spans, is_sideband);
  if (folder_) folder_->fold(round_.spans, is_sideband, round_.horizon);
  look_at_mappings();
  if (spool_) {
    for (const source::Span& span : round_.spans) {
      total_->add(span);
      record_bytes_ += static_cast<uint64_t>(span.end - span.begin);
    }
    spool_->add(round_.spans, base::now_of(CLOCK_MONOTONIC));
  } else {
    status = file_->append(round_.spans, may_end_round && !round_.spans.empty());
  }
  give_back();
  return status;
}

base::Result<bool> Recorder::step(milliseconds wait) {
  if (failure_ || is_finished_) return false;
  if (!std::exchange(is_first_, true)) come_first();
  auto status = take_round(wait);
  if (status) status = store_round();
  const base::Nanos now = base::now_of(CLOCK_MONOTONIC);
  if (status && !round_.is_last && spool_ && spool_->wants_segment(now)) status = begin_segment();
  if (status && !round_.is_last && file_ && is_file_done(now)) status = rotate();
  if (status && !round_.is_last) status = look_at_signal();
  if (!status) {
    fail(std::move(status.error()));
    return false;
  }
  if (!file_ || !file_->writer().is_at_limit()) return !round_.is_last;
  live_->finish();
  return false;
}

void Recorder::fail(base::Error error) {
  failure_ = std::move(error);
  live_->finish();
}

base::Status Recorder::finish() {
  if (is_finished_ || (!file_ && !spool_)) return {};
  is_finished_ = true;
  if (!failure_ && !live_->is_finished()) {  // cut off before its last round
    live_->request_stop();
    auto status = take_round(milliseconds(0));
    if (status) status = store_round();
    if (!status) failure_ = std::move(status.error());
  }
  live_->finish();
  ended_ = base::now_of(CLOCK_MONOTONIC);
  base::Status status;
  if (file_) status = end_file();
  if (spool_ && !options_.output.empty()) status = dump(options_.output);
  if (spool_ && spool_->is_cut_short()) {
    notes_.push_back(
        "the flight recorder kept less than asked for: its memory was full (--overwrite-memory)");
  }
  if (folder_) {
    for (auto& note : folder_->counts().describe()) notes_.push_back(std::move(note));
    if (auto note = folder_->note(); !note.empty()) notes_.push_back(std::move(note));
  }
  if (auto note = rotates() ? older_files_note(options_.output, files_made_ + 1) : "";
      !note.empty())
    notes_.push_back(std::move(note));
  if (failure_) return std::move(*failure_);
  return status;
}

std::map<int32_t, uint64_t> Recorder::lost_by_cpu() const {
  std::map<int32_t, uint64_t> by_cpu;
  for (const RecordTally* tally : {total_.get(), file_ ? &file_->tally() : nullptr}) {
    if (tally == nullptr) continue;
    for (const auto& [stream, records] : tally->lost_by_stream())
      by_cpu[live_->cpu_of_stream(stream)] += records;
  }
  return by_cpu;
}

uint64_t Recorder::samples() const {
  return total_->samples() + (file_ ? file_->tally().samples() : 0);
}

uint64_t Recorder::records() const {
  return total_->records() + (file_ ? file_->tally().records() : 0);
}

base::Nanos Recorder::first() const {
  return total_->first() != 0 || !file_ ? total_->first() : file_->tally().first();
}

base::Nanos Recorder::last() const {
  return std::max(total_->last(), file_ ? file_->tally().last() : 0);
}

}  // namespace oc::session
