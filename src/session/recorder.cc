#include "session/recorder.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "session/host_features.h"

namespace oc::session {

namespace {

/// A full pipe or disk is an error that write tells: no signal.
void ignore_signals_of_writes() {
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
}

constexpr uint64_t kEverything = ~uint64_t{0};

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::open(RecordOptions options) {
  ignore_signals_of_writes();
  auto output = source::TraceOutput::open(options.output);
  if (!output) return std::move(output.error());
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(options)));
  recorder->opened_ = std::move(*output);
  return recorder;
}

void Recorder::discard() {
  if (opened_) opened_->discard();
  if (file_) file_->output.discard();
  is_finished_ = true;
}

base::Status Recorder::prepare(perf::LiveSource& live) {
  live_ = &live;
  features_ = load_host_features(options_.version);
  tracing_data_ = load_tracing_data(live.request().events);
  file_ = std::make_unique<TraceFile>(std::move(*opened_), options_.compression, live.events());
  opened_.reset();
  if (options_.max_bytes != 0) file_->writer.set_limit(options_.max_bytes);
  const uint64_t most = std::max(live.data_ring_bytes(), perf::kDefaultSidebandBytes);
  return file_->writer.begin(live.events(), features_, tracing_data_, most);
}

base::Status Recorder::begin() {
  started_ = live_->start_time();
  return write_rundown();
}

/// Events run already, so that what starts meanwhile is in the rings; no round ends before all of this is written,
/// and its time is 0: a reader takes it first.
base::Status Recorder::write_rundown() {
  const auto& events = live_->events();
  const auto sideband = static_cast<uint32_t>(live_->request().events.size());
  perf::Rundown rundown(events[sideband].layout.trailer_size, live_->extras());
  base::ByteSink records;
  rundown.add_kernel(records);
  rundown.add_cgroups(records);
  for (const sys::ThreadInfo& thread : live_->rundown()) rundown.add_thread(thread, records);
  for (const perf::MappedFile& file : rundown.files())
    file_->tally.add_build_id({file.path, file.build_id, file.is_kernel});
  return file_->writer.append(records.bytes());
}

base::Status Recorder::drain(source::Round& round) {
  auto status = file_->writer.append(round.spans, !round.spans.empty());
  uint64_t left = file_->writer.kept_bytes();
  for (source::Span span : round.spans) {
    const auto size = std::min(left, static_cast<uint64_t>(span.end - span.begin));
    span.end = span.begin + size;
    file_->tally.add(span);
    left -= size;
  }
  for (const source::Span& span : round.spans) live_->release(span.stream, kEverything);
  return status;
}

base::Result<bool> Recorder::step(std::chrono::milliseconds wait) {
  if (failure_ || is_finished_) return false;
  if (auto status = live_->next_round(wait, round_); !status) return std::move(status.error());
  if (auto status = drain(round_); !status) {
    failure_ = std::move(status.error());
    live_->finish();
    return false;
  }
  if (!file_->writer.is_at_limit()) return !round_.is_last;
  live_->finish();
  return false;
}

std::map<int32_t, uint64_t> Recorder::lost_by_cpu() const {
  std::map<int32_t, uint64_t> by_cpu;
  for (const auto& [stream, records] : file_->tally.lost_by_stream())
    by_cpu[live_->cpu_of_stream(stream)] += records;
  return by_cpu;
}

base::Status Recorder::finish() {
  if (is_finished_ || !file_) return {};
  is_finished_ = true;
  live_->finish();
  ended_ = base::now_of(CLOCK_MONOTONIC);
  source::FeatureSections more;
  more.add_build_ids(file_->tally.build_ids());
  more.add_sample_times(file_->tally.first(), file_->tally.last());
  auto status = file_->writer.finish(more);
  file_bytes_ = file_->output.position();
  auto renamed = file_->output.finish();
  if (failure_) return std::move(*failure_);
  return status ? std::move(renamed) : std::move(status);
}

}  // namespace oc::session
