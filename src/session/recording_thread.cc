#include "session/recording_thread.h"

#include <exception>
#include <utility>

#include "base/thread.h"

namespace oc::session {

namespace {
constexpr std::chrono::milliseconds kTurn{100};
}

RecordingThread::RecordingThread() : thread_(base::start_thread([this] { run(); })) {}

void RecordingThread::begin(Recorder& recorder, perf::LiveSource& live) {
  const std::lock_guard lock(mutex_);
  recorder_ = &recorder;
  live_ = &live;
  has_begun_.notify_all();
}

void RecordingThread::run() {
  {
    std::unique_lock lock(mutex_);
    has_begun_.wait(lock, [&] { return recorder_ != nullptr || is_given_up_; });
    if (recorder_ == nullptr) return;
  }
  try {
    while (true) {
      const auto more = recorder_->step(kTurn);
      answer();
      if (!more || !*more) break;
    }
  } catch (const std::exception& problem) {  // no memory for what a flight recorder is to keep
    recorder_->fail(base::make_error(base::Code::kSystem,
                                     std::string("the recording cannot go on: ") + problem.what()));
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  answered_.notify_all();
}

void RecordingThread::answer() {
  std::optional<std::string> path;
  {
    const std::lock_guard lock(mutex_);
    path = std::exchange(wanted_, std::nullopt);
  }
  if (!path) return;
  auto outcome = recorder_->dump(*path);
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  answered_.notify_all();
}

base::Status RecordingThread::dump(const std::string& path) {
  std::unique_lock lock(mutex_);
  outcome_.reset();
  wanted_ = path;
  live_->wake();
  answered_.wait(lock, [&] { return outcome_.has_value() || has_ended_; });
  // The thread ended before it came to that, or because of it: the recorder is ours now.
  return outcome_ ? std::move(*outcome_) : recorder_->dump(path);
}

void RecordingThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    if (live_ != nullptr) live_->request_stop();
    is_given_up_ = true;
    has_begun_.notify_all();
  }
  thread_.join();
}

}  // namespace oc::session
