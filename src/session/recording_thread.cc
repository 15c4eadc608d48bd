#include "session/recording_thread.h"

#include <utility>

#include "base/thread.h"

namespace oc::session {

namespace {
constexpr std::chrono::milliseconds kTurn{100};
}

RecordingThread::RecordingThread(Recorder& recorder, perf::LiveSource& live)
    : recorder_(recorder), live_(live), thread_(base::start_thread([this] { run(); })) {}

void RecordingThread::run() {
  while (true) {
    const auto more = recorder_.step(kTurn);
    answer();
    if (!more || !*more) break;
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  if (wanted_) outcome_ = recorder_.dump(*std::exchange(wanted_, std::nullopt));
  answered_.notify_all();
}

void RecordingThread::answer() {
  std::optional<std::string> path;
  {
    const std::lock_guard lock(mutex_);
    path = std::exchange(wanted_, std::nullopt);
  }
  if (!path) return;
  auto outcome = recorder_.dump(*path);
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  answered_.notify_all();
}

base::Status RecordingThread::dump(const std::string& path) {
  std::unique_lock lock(mutex_);
  if (has_ended_) return recorder_.dump(path);
  outcome_.reset();
  wanted_ = path;
  live_.wake();
  answered_.wait(lock, [&] { return outcome_.has_value(); });
  return std::move(*outcome_);
}

void RecordingThread::stop() {
  if (!thread_.joinable()) return;
  live_.request_stop();
  thread_.join();
}

}  // namespace oc::session
