#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace oc::lua {

/// While it is open, what the program writes to standard output goes to a shell command.
///
///     begin("sort | less") … whatever prints … end()
///
/// A command that does not read to its end is no failure: the rest is thrown away. The main thread's.
class ShellPipe {
 public:
  ShellPipe() = default;
  ~ShellPipe() { end(); }
  ShellPipe(const ShellPipe&) = delete;
  ShellPipe& operator=(const ShellPipe&) = delete;

  base::Status begin(const std::string& command);
  /// Waits for the command; its exit status, 128 + n for a signal.
  int end();

 private:
  base::Fd stdout_before_;
  struct sigaction pipe_before_ {};
  pid_t child_ = -1;
};

}  // namespace oc::lua
