#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <set>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace oc::perf {

/// A process that holds a second reference to event descriptors, so that closing ours costs
/// nothing.
///
/// The last close of a tracepoint waits for an RCU grace period in the kernel (37 ms, serialised),
/// of a uprobe for 77 ms; so does the exit of a process that has them open, even by kill -9. The
/// guardian is forked before the events are opened, gets each descriptor over a socket, and closes
/// them all after we have gone:
///
/// What the run does not need any more it lets go of earlier (`release`): in a child, as that may take seconds.
///
///     oc        fork ──┬── open events ── keep ──────────── close (cheap) ── end
///     guardian         └── receives fds ............................. EOF ── slow exit
///
/// It lives in a session of its own, has no descriptor but its socket (a pipe of the user's must
/// not stay open), blocks all signals, and runs only system calls: forking it in a process with
/// threads is safe. Forked twice: never a zombie and never a SIGCHLD after `start` has returned.
/// Destroy after the descriptors that it keeps. Move-only; one thread.
class Guardian {
 public:
  /// None: `keep` does nothing.
  Guardian() = default;

  /// Forks the guardian and waits until it is there.
  static base::Result<Guardian> start();

  /// Gives the guardian its own references. Error: the guardian is gone; nothing else breaks.
  base::Status keep(std::span<const int> fds);

  /// Gives up all that it was given so far. Close yours afterwards: that is cheap until the guardian's child has closed.
  base::Status release();
  /// The same of some of them.
  base::Status release(std::span<const int> fds);

  explicit operator bool() const { return static_cast<bool>(socket_); }
  pid_t pid() const { return pid_; }

  /// Descriptors in one message: the kernel takes 253 (SCM_MAX_FD).
  static constexpr size_t kBatch = 250;

 private:
  Guardian(base::Fd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  base::Status send(char what, std::span<const int> fds, std::span<const int> numbers = {});
  int next_number();

  base::Fd socket_;
  pid_t pid_ = 0;
  // Which number each has there: the kernel gives what is received the lowest free ones.
  std::map<int, int> numbers_;
  std::set<int> free_;
  int first_unused_ = 1;
};

}  // namespace oc::perf
