// Recorder: what is kept in memory, and written when somebody asks for it.

#include <signal.h>

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "session/loss_records.h"
#include "session/recorder.h"

namespace oc::session {

using std::chrono::milliseconds;

namespace {

constexpr uint64_t kBetweenRounds = 8u << 20;  // of a dump, between two looks at the rings

sigset_t dump_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  return set;
}

}  // namespace

void Recorder::block_dump_signal() {
  const sigset_t set = dump_signal();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

/// As `rotate`, in memory.
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
  const auto marked = mapped_->look_at(records.bytes(), [](const perf::MappedFile&) {});
  std::vector<uint8_t> rundown(marked.begin(), marked.end());
  std::vector<source::BuildId> files;
  for (const perf::MappedFile& file : rundown_->files().all())
    files.push_back({file.build_id, file.path, -1, file.is_kernel});
  spool_->begin_segment({.rundown = std::move(rundown),
                         .files = std::move(files),
                         .lost_before = live_->final_losses(),
                         .began = base::now_of(CLOCK_MONOTONIC)});
  return {};
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

/// The rings fill while a dump is written: they are emptied, as long as there is room in memory.
base::Status Recorder::keep_up() {
  if (live_->is_finished() || !spool_->has_room_beside_dump()) return {};
  auto status = take_round(milliseconds(0));
  if (status) status = store_round();
  const bool is_done = !status || round_.is_last;
  return is_done || !spool_->wants_segment(base::now_of(CLOCK_MONOTONIC)) ? std::move(status)
                                                                          : begin_segment();
}

base::Status Recorder::write_segments(TraceFile& file) {
  const FlightSpool::Segment& first = spool_->segments().front();
  const auto lost = losses_since(first.lost_before, live_->final_losses());
  std::vector<std::shared_ptr<const FlightSpool::Round>> rounds;
  for (const auto& segment : spool_->segments()) {
    rounds.insert(rounds.end(), segment.rounds.begin(), segment.rounds.end());
    for (const source::BuildId& id : segment.files) file.tally().add_build_id(id);
  }
  if (auto status = file.writer().append(first.rundown); !status) return status;
  uint64_t since = 0;
  for (auto& round : rounds) {
    const auto records = round->records();
    source::Span span;
    span.begin = records.data();
    span.end = span.begin + records.size();
    if (auto status = file.append(std::span(&span, 1), true); !status) return status;
    since += records.size();
    round.reset();
    if (since < kBetweenRounds) continue;
    since = 0;
    if (auto status = keep_up(); !status) return status;
  }
  return file.writer().append(make_loss_records(live_->events(), lost));
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
  auto file = begin_trace(std::move(*output));
  if (!file) return std::move(file.error());
  ++files_made_;
  auto status = write_segments(**file);
  auto finished = (*file)->finish(late_features());
  keep(**file);
  return status ? std::move(finished) : std::move(status);
}

}  // namespace oc::session
