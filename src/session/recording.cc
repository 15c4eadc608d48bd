#include "session/recording.h"

#include <utility>

namespace oc::session {

using base::Result;
using base::Status;

Status Recording::start(LiveInput& live, const RunOptions& options,
                        const std::vector<uint8_t>& wanted, RecordOptions recording) {
  live_ = &live;
  perf::LiveRequest request = live.make_request(options, wanted);
  request.is_recorded = true;
  request.extras.build_ids = recording.kernel_build_ids;
  request.folds_stacks = !recording.keeps_stacks;
  auto recorder = Recorder::open(std::move(recording));
  if (!recorder) return std::move(recorder.error());
  recorder_ = std::move(*recorder);
  request.stdout_to_stderr = recorder_->writes_to_stdout();
  Status status = begin(options, std::move(request));
  if (!status) {
    recorder_->discard();
    recorder_.reset();
  } else if (thread_) {
    thread_->begin(*recorder_, live.rings());
  }
  return status;
}

Status Recording::begin(const RunOptions& options, perf::LiveRequest request) {
  if (auto status = live_->open(std::move(request), options); !status) return status;
  if (auto status = recorder_->prepare(live_->rings()); !status) return status;
  if (auto status = live_->start_events(options); !status) return status;
  counts_.start_time = live_->rings().start_time();
  max_samples_ = options.max_events;
  Status status = recorder_->begin();
  if (!status) live_->finish();  // a command is told to end
  return status;
}

Status Recording::dump(const std::string& path) {
  return thread_ ? thread_->dump(path) : recorder_->dump(path);
}

void Recording::take_counts() {
  counts_.records = recorder_->records();
  counts_.delivered = recorder_->samples();
  counts_.bytes = recorder_->record_bytes();
  counts_.last_time = recorder_->last();
}

Result<const Batch*> Recording::next(std::chrono::milliseconds wait) {
  const auto more = recorder_->step(live_->before_batch(wait));
  if (!more) return more.error();
  take_counts();
  if (max_samples_ != 0 && counts_.delivered >= max_samples_) live_->stop();
  return *more ? &nothing_ : nullptr;
}

void Recording::finish() {
  if (thread_) thread_->stop();
  if (auto status = recorder_->finish(); !status) failure_ = std::move(status.error());
  take_counts();
}

}  // namespace oc::session
