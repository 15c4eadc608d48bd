#pragma once

#include <termios.h>

#include <atomic>
#include <string>

#include "base/fd.h"

namespace oc::lua {

/// While it is open, what the program writes (standard output and error) is kept, and Ctrl-C is a signal.
///
///     begin() … callbacks of a trace that goes on while somebody types … end() → to be shown above the line
///
/// The terminal is the line editor's meanwhile. The main thread's; one at a time.
class Aside {
 public:
  Aside() = default;
  ~Aside() { end(); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  /// False where there is no memory for it, and nothing has changed.
  bool begin();
  /// What was written since.
  std::string end();

  /// Where to write what has to be seen at once, whatever is open. Any thread.
  static int error_output() { return error_output_.load(); }
  /// Before the process ends at once: a terminal that an editor had, which is not asked. Any thread.
  static void give_terminal_back();

 private:
  static std::atomic<int> error_output_;

  base::Fd kept_, stdout_before_, stderr_before_;
  termios terminal_before_{};
  bool is_open_ = false;
  bool has_terminal_ = false;
};

}  // namespace oc::lua
