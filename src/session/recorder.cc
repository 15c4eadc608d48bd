#include "session/recorder.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "perf/attr_builder.h"
#include "session/host_features.h"

namespace oc::session {

using std::chrono::milliseconds;

namespace {

constexpr uint64_t kEverything = ~uint64_t{0};
constexpr size_t kThreadsBetweenRounds = 32;   // of a list of what runs
constexpr uint64_t kBetweenRounds = 8u << 20;  // of a dump, between two looks at the rings

/// A full pipe or disk is an error that write tells: no signal.
void ignore_signals_of_writes() {
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
}

sigset_t dump_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  return set;
}

/// This thread alone: a turn is short, and where all CPUs are taken it must not wait for its share of them. Refused
/// to ordinary users.
void come_first() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -15); }

uint64_t default_memory() {
  const uint64_t all = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * perf::page_size_bytes();
  return std::min<uint64_t>(all / 4, 1u << 30);
}

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::open(RecordOptions options) {
  ignore_signals_of_writes();
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(options)));
  const RecordOptions& given = recorder->options_;
  const sigset_t set = dump_signal();
  pthread_sigmask(SIG_BLOCK, &set,
                  nullptr);  // taken by look_at_signal; a plain recording passes over it
  if (given.output.empty()) return recorder;
  const std::string first = recorder->rotates() ? numbered_path(given.output, 1) : given.output;
  auto output = source::TraceOutput::open(first);
  if (!output) return std::move(output.error());
  recorder->opened_ = std::move(*output);
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
  rundown_.emplace(live.events()[sideband].layout.trailer_size, live.extras());
  if (perf::has_user_stacks(live.request())) rundown_->include_data();
  mapped_ = std::make_unique<MappedFiles>(*rundown_, live.extras().build_ids);
  const perf::Target& target = live.request().target;
  if (live.selects_tasks() || !target.comms.empty())
    selection_ = std::make_unique<RecordSelection>(live.events(), target, live.selects_tasks());
  std::vector<uint32_t> groups;
  for (const perf::EventRequest& request : live.request().events) groups.push_back(request.group);
  beginning_.features.add_groups(groups);
  beginning_.tracing_data = load_tracing_data(live.request().events);
  beginning_.most_round_bytes = std::max(live.data_ring_bytes(), perf::kDefaultSidebandBytes);
  beginning_.compression = options_.compression;
  if (keeps_in_memory()) {
    const uint64_t most = options_.memory_bytes != 0 ? options_.memory_bytes : default_memory();
    spool_ = std::make_unique<FlightSpool>(options_.overwrite, most);
    return {};
  }
  // Begun before the events run, so that a full disk is told before a command is started.
  auto file = TraceFile::begin(std::move(*opened_), beginning_, live.events());
  opened_.reset();
  if (!file) return std::move(file.error());
  file_ = std::move(*file);
  if (options_.max_bytes != 0) file_->writer().set_limit(options_.max_bytes);
  return {};
}

/// Events run already, so that what starts meanwhile is in the rings; no round ends before all of this is written,
/// and its time is 0: a reader takes it first.
///
/// On a machine with many processes that takes long: the rings are emptied now and then, into the file or segment at
/// hand. `missed` gets the sideband of that, where the list begins another one.
base::Status Recorder::list_what_runs(base::ByteSink& records, base::ByteSink* missed) {
  rundown_->add_kernel(records);
  rundown_->add_cgroups(records);
  // Later a command has children, which live_ does not know.
  const auto threads = is_begun_ ? sys::scan_threads().threads : live_->rundown();
  is_begun_ = true;
  size_t listed = 0;
  for (const sys::ThreadInfo& thread : threads) {
    rundown_->add_thread(thread, records);
    if (selection_) selection_->rundown(thread);
    const bool has_place = file_ || !spool_->segments().empty();
    if (++listed % kThreadsBetweenRounds != 0 || !has_place) continue;
    if (auto status = take_round(milliseconds(0)); !status) return status;
    if (missed != nullptr) copy_sideband(*missed);
    if (auto status = store_round(missed != nullptr); !status) return status;
  }
  return {};
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
  for (const perf::MappedFile& file : rundown_->files())
    file_->tally().add_build_id({file.build_id, file.path, -1, file.is_kernel});
  return file_->writer().append(rundown);
}

base::Status Recorder::end_file() {
  auto status = file_->finish();
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
  if (options_.rotate_bytes != 0 && file_->bytes() >= options_.rotate_bytes) return true;
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
  auto next = TraceFile::begin(std::move(*output), beginning_, live_->events());
  if (!next) return std::move(next.error());
  status = end_file();
  file_ = std::move(*next);
  auto begun = begin_file(records.bytes());
  return status ? std::move(begun) : std::move(status);
}

/// The same in memory.
base::Status Recorder::begin_segment() {
  base::ByteSink records;
  base::ByteSink missed;
  if (auto status = list_what_runs(records, &missed); !status) return status;
  records.put_bytes(missed.bytes());
  if (!spool_->segments().empty()) {
    if (auto status = take_round(milliseconds(0)); !status) return status;
    copy_sideband(records);
    if (auto status = store_round(); !status) return status;
  }
  std::vector<source::BuildId> files;
  for (const perf::MappedFile& file : rundown_->files())
    files.push_back({file.build_id, file.path, -1, file.is_kernel});
  spool_->begin_segment(records.take(), std::move(files), base::now_of(CLOCK_MONOTONIC));
  return {};
}

base::Status Recorder::take_round(milliseconds wait) { return live_->next_round(wait, round_); }

void Recorder::give_back() {
  for (const source::Span& span : round_.spans) live_->release(span.stream, kEverything);
}

void Recorder::look_at_mappings() {
  const auto is_sideband = [&](const source::Span& span) {
    return live_->is_sideband(span.stream);
  };
  mapped_->look_at(round_.spans, is_sideband, [&](const perf::MappedFile& file) {
    const source::BuildId id{file.build_id, file.path, -1, file.is_kernel};
    if (file_) file_->tally().add_build_id(id);
    if (spool_) spool_->add_file(id);
  });
}

base::Status Recorder::store_round(bool may_end_round) {
  base::Status status;
  look_at_mappings();
  if (selection_)
    selection_->choose(round_.spans, [&](uint32_t stream) { return live_->is_sideband(stream); });
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

base::Status Recorder::look_at_signal() {
  if (!spool_ && !rotates()) return {};
  const sigset_t set = dump_signal();
  const timespec at_once{};
  if (sigtimedwait(&set, nullptr, &at_once) != SIGUSR2) return {};
  if (!spool_) return rotate();
  auto status = options_.output.empty() ? base::Status()
                                        : dump(numbered_path(options_.output, files_made_ + 1));
  // A dump that cannot be written does not end the flight recorder.
  if (!status) notes_.push_back(status.error().what);
  return {};
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

base::Status Recorder::write_segments(TraceFile& file) {
  std::vector<std::shared_ptr<const FlightSpool::Round>> rounds;
  for (const auto& segment : spool_->segments()) {
    rounds.insert(rounds.end(), segment.rounds.begin(), segment.rounds.end());
    for (const source::BuildId& id : segment.files) file.tally().add_build_id(id);
  }
  const std::vector<uint8_t> rundown = spool_->segments().front().rundown;
  if (auto status = file.writer().append(rundown); !status) return status;
  uint64_t since = 0;
  for (const auto& round : rounds) {
    source::Span span;
    span.begin = round->bytes.get();
    span.end = span.begin + round->size_bytes;
    if (auto status = file.append(std::span(&span, 1), true); !status) return status;
    since += round->size_bytes;
    if (since < kBetweenRounds || live_->is_finished()) continue;
    since = 0;  // the rings fill while a dump is written
    if (auto status = take_round(milliseconds(0)); !status) return status;
    if (auto status = store_round(); !status) return status;
  }
  return {};
}

void Recorder::fail(base::Error error) {
  failure_ = std::move(error);
  live_->finish();
}

base::Status Recorder::dump(const std::string& path) {
  if (path == "-")
    return base::make_error(base::Code::kUsage, "a dump needs a file's name, not standard output");
  if (!spool_ || spool_->segments().empty())
    return base::make_error(base::Code::kUsage,
                            "there is nothing to dump: this is no flight recorder",
                            "give it overwrite, as in overwrite = \"10s\"");
  std::optional<source::TraceOutput> output;
  if (opened_ && path == options_.output) {
    output = std::move(*opened_);
    opened_.reset();
  } else {
    auto opened = source::TraceOutput::open(path);
    if (!opened) return std::move(opened.error());
    output = std::move(*opened);
  }
  auto file = TraceFile::begin(std::move(*output), beginning_, live_->events());
  if (!file) return std::move(file.error());
  ++files_made_;
  auto status = write_segments(**file);
  auto finished = (*file)->finish();
  keep(**file);
  return status ? std::move(finished) : std::move(status);
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
