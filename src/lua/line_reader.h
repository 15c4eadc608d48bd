#pragma once

#include <string>

#include "abi/host.h"

namespace oc::lua {

/// What waiting for a line came to.
enum class Got {
  kIdle,       ///< nothing yet: the time is up
  kLine,       ///< a whole line
  kComplete,   ///< the user asks how this could go on (Tab)
  kEnd,        ///< Ctrl-D, or the input is over
  kInterrupt,  ///< Ctrl-C: the line is given up
  kSignal,     ///< SIGTERM or SIGHUP: the session is to end
};

/// A signal may come just before a wait: then it is seen so much later.
constexpr int kSignalLookMs = 250;

/// Lines of a file descriptor that is no terminal, or of a terminal that can do nothing.
///
/// Reads ahead, so nobody else may read from the descriptor. Lines may hold any bytes and be of any
/// length up to kMost; what is longer comes in pieces.
class LineReader {
 public:
  static constexpr size_t kMost = size_t{16} << 20;

  /// `host`: a signal ends waiting.
  LineReader(const oc_host& host, int fd) : host_(host), fd_(fd) {}

  /// Waits for the next line, at most so long; -1: for ever. The last line needs no end.
  Got next(int wait_ms);
  /// The line without its end. Lent until the next call of `next`.
  const std::string& line() const { return line_; }
  /// The errno that ended it; 0: there was no more.
  int problem() const { return problem_; }

 private:
  bool take_line();

  const oc_host& host_;
  int fd_;
  std::string ahead_, line_;
  int problem_ = 0;
  size_t searched_ = 0;  ///< no end of a line before it
  bool is_over_ = false;
};

/// What a signal from outside asks for; kIdle: there was none.
Got asked_by_signal(const oc_host& host);

}  // namespace oc::lua
