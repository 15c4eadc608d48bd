// The part of Session that records: a live source into files instead of batches.

#include "session/session.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;

Status Session::start_recording(const RunOptions& options, RecordOptions recording) {
  prepare_control(options);
  if (decoder_ || live_ || is_over_)
    return make_error(Code::kUsage, "this trace has been run already",
                      "open it again for a second run");
  if (auto fits = check_target(options.target, !options.command.empty(), false); !fits) return fits;
  perf::LiveRequest request = make_request(options);
  request.is_recorded = true;
  request.extras.build_ids = recording.kernel_build_ids;
  auto recorder = Recorder::open(std::move(recording));
  if (!recorder) return std::move(recorder.error());
  recorder_ = std::move(*recorder);
  request.stdout_to_stderr = recorder_->writes_to_stdout();
  auto live = perf::LiveSource::open(std::move(request));
  Status status;
  if (live) {
    live_ = std::move(*live);
    status = recorder_->prepare(*live_);
    if (status) status = live_->start();
  } else {
    status = std::move(live.error());
  }
  if (!status) {
    recorder_->discard();
    recorder_.reset();
    return status;
  }
  counts_.start_time = live_->start_time();
  if (options.max_span != 0) live_deadline_ = live_->start_time() + options.max_span;
  max_recorded_ = options.max_events;
  status = recorder_->begin();
  if (!status) {
    live_->finish();  // a command is told to end
    recorder_->discard();
    recorder_.reset();
  } else if (recording_thread_) {
    recording_thread_->begin(*recorder_, *live_);
  }
  return status;
}

void Session::record_ahead() { recording_thread_ = std::make_unique<RecordingThread>(); }

Status Session::dump(const std::string& path) {
  if (!recorder_ || is_over_)
    return make_error(Code::kUsage, "there is no recording to dump",
                      "dump it before it is stopped");
  return recording_thread_ ? recording_thread_->dump(path) : recorder_->dump(path);
}

void Session::take_counts() {
  counts_.records = recorder_->records();
  counts_.delivered = recorder_->samples();
  counts_.bytes = recorder_->record_bytes();
  counts_.last_time = recorder_->last();
}

Result<const Batch*> Session::next_recorded(std::chrono::milliseconds wait) {
  const auto more = recorder_->step(look_at_deadline(wait));
  if (!more) return more.error();
  take_counts();
  if (max_recorded_ != 0 && counts_.delivered >= max_recorded_) live_->request_stop();
  return *more ? &nothing_ : nullptr;
}

void Session::finish_recording() {
  if (!live_) return;
  if (recording_thread_) recording_thread_->stop();
  if (auto status = recorder_->finish(); !status) record_failure_ = std::move(status.error());
  take_counts();
  losses_ = losses();
  is_over_ = true;
}

}  // namespace oc::session
