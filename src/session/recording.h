#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "session/batch.h"
#include "session/live_input.h"
#include "session/recorder.h"
#include "session/recording_thread.h"

namespace oc::session {

/// A live trace that goes to files instead of batches: every event asked for, until it is finished.
///
///     start → next …     on the caller's thread, or, with `run_ahead`, on one of its own
///           → finish
class Recording {
 public:
  /// It will go on by itself, without `next`. Before the start: so its thread is not recorded.
  void run_ahead() { thread_ = std::make_unique<RecordingThread>(); }
  bool runs_ahead() const { return thread_ != nullptr; }

  /// Opens the output, then the kernel's events (`wanted`: by kind). An error leaves no file. `live` outlives the
  /// recording.
  base::Status start(LiveInput& live, const RunOptions& options, const std::vector<uint8_t>& wanted,
                     RecordOptions recording);
  bool is_started() const { return recorder_ != nullptr; }
  /// Records what there is; an empty batch, or null at the end.
  base::Result<const Batch*> next(std::chrono::milliseconds wait);
  /// See Recorder::dump. Requires: started, not finished.
  base::Status dump(const std::string& path);
  /// Writes what there still is; the file has its name then.
  void finish();

  /// Requires: started.
  const Recorder& recorder() const { return *recorder_; }
  const Counts& counts() const { return counts_; }
  /// Why it could not go on or be finished, once it is finished.
  const std::optional<base::Error>& failure() const { return failure_; }

 private:
  base::Status begin(const RunOptions& options, perf::LiveRequest request);
  void take_counts();

  LiveInput* live_ = nullptr;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<RecordingThread> thread_;  ///< uses the recorder
  uint64_t max_samples_ = 0;
  Counts counts_;
  Batch nothing_;
  std::optional<base::Error> failure_;
};

}  // namespace oc::session
