#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace oc::perf {

/// Finds a program as execvp would: by PATH when `name` has no slash.
/// Error: "cannot run 'foo': No such file or directory".
base::Result<std::string> find_program(const std::string& name);

/// What a command shares with its parent.
struct CommandPlace {
  bool stdout_to_stderr = false;  ///< what it prints goes to stderr
  /// Lines are typed while it runs, so keys are not for it: as a job in the background of a shell it has a process group
  /// of its own, which Ctrl-C does not reach, and reads nothing (stdin is /dev/null). It is asked to end (SIGTERM) when
  /// the thread that prepared it ends, however that happens.
  bool is_beside_prompt = false;
};

/// One command that waits, forked but not yet executed, until it is let go.
///
///     prepare: fork; the child waits on a pipe   (its pid is known: events can be attached)
///     release: the child executes the command    (enable_on_exec starts the events)
///     poll:    has it ended?
///     terminate, await: when the run ends first
///
/// stdin, stdout and stderr are inherited, but for what CommandPlace says. The child has default signal handlers and an empty mask;
/// what was ignored stays ignored (nohup), but for SIGPIPE and SIGXFSZ. A command that runs when the Launcher
/// goes keeps running; one that was never released ends. Waits for its own pid only. One thread.
class Launcher {
 public:
  Launcher() = default;
  Launcher(Launcher&& other) noexcept;
  Launcher& operator=(Launcher&&) = delete;
  ~Launcher();

  /// Requires: `command` is not empty.
  static base::Result<Launcher> prepare(const std::vector<std::string>& command,
                                        CommandPlace place = {});

  /// Lets the command start and waits for its exec. Error: exec failed, with the reason.
  base::Status release();

  /// Asks the kernel whether the command has ended, without waiting.
  void poll();

  /// Sends SIGTERM to a command that runs, and to its group if that is its own; false when there is none.
  bool terminate();

  /// Waits at most `longest` for the command's end; false when it still runs.
  bool await(std::chrono::milliseconds longest);

  pid_t pid() const { return pid_; }  ///< 0: there is no command
  bool is_running() const { return pid_ != 0 && !status_; }
  /// As from waitpid, once it has ended.
  std::optional<int> status() const { return status_; }
  /// Readable when the command has ended; -1 where the kernel has no pidfd (before 5.3).
  int pidfd() const { return pidfd_.number(); }

 private:
  pid_t pid_ = 0;
  std::string name_;
  base::Fd go_;      // we write one byte, or close it
  base::Fd failed_;  // the child writes errno, or exec closes it
  base::Fd pidfd_;
  bool is_released_ = false;
  bool has_group_ = false;  // its own
  std::optional<int> status_;
};

}  // namespace oc::perf
