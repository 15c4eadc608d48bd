#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "perf/live_source.h"
#include "session/recorder.h"

namespace oc::session {

/// Drains a recorder on a thread of its own while its owner does something else.
///
/// Everything the recorder does happens on that thread until `stop` has returned; the owner asks for a dump and waits
/// for it. The thread is there, and can be told from those that are to be recorded, before there is a recorder.
class RecordingThread {
 public:
  RecordingThread();
  ~RecordingThread() { stop(); }
  RecordingThread(const RecordingThread&) = delete;

  /// Both outlive the object.
  void begin(Recorder& recorder, perf::LiveSource& live);
  /// As Recorder::dump. Called by one thread.
  base::Status dump(const std::string& path);
  /// Ends the events and the thread.
  void stop();

 private:
  void run();
  void answer();

  Recorder* recorder_ = nullptr;
  perf::LiveSource* live_ = nullptr;
  bool is_given_up_ = false;  ///< before it began
  std::condition_variable has_begun_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<std::string> wanted_;    ///< the path of a dump
  std::optional<base::Status> outcome_;  ///< of the last one
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace oc::session
