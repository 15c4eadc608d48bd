#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "abi/host.h"

namespace oc::lua {

/// What the bar says after `seconds`, in at most `columns` columns; empty while there is nothing to say.
std::string progress_line(const source::Progress& progress, double seconds, size_t columns);

/// One line on the terminal while a long trace is read: percent, speed, time left.
///
///     reading:  |---- 1 s ----|draw  draw  draw|erase      a thread of its own draws: no loop waits for it
///     script:                    erase, write,             a line of results never meets the bar
///
/// Nothing is drawn while a write goes on, or while the cursor stands behind a line that has begun.
/// Calls are the script's thread's.
class ProgressBar {
 public:
  explicit ProgressBar(oc_host& host) : host_(host) {}
  ~ProgressBar() { stop(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Requires: stderr is a terminal.
  void start();
  /// Erases it; nothing follows.
  void stop();
  void begin_write();
  /// `at_line_start`: where what was written leaves the cursor.
  void end_write(bool at_line_start);

 private:
  void run();
  void draw();
  void erase();

  oc_host& host_;
  std::mutex mutex_;  ///< of all below, and of the terminal's line
  std::condition_variable ending_;
  bool is_ending_ = false;
  bool is_writing_ = false;
  bool at_line_start_ = true;
  std::chrono::steady_clock::time_point began_;
  std::thread thread_;
};

}  // namespace oc::lua
