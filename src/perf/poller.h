#pragma once

#include <chrono>

#include "base/fd.h"
#include "base/result.h"

namespace oc::perf {

/// Waits for rings, the command's end, or another thread.
///
/// `wait` for one thread, `wake` from any.
class Poller {
 public:
  static base::Result<Poller> open();

  base::Status add(int fd);
  /// Returns when a descriptor is readable, on `wake`, or when the time has passed. A descriptor
  /// that hangs up (the traced task ended, the CPU went) wakes once and is dropped: it would wake
  /// for ever.
  void wait(std::chrono::milliseconds longest);
  void wake();

 private:
  base::Fd epoll_;
  base::Fd wakeups_;
};

}  // namespace oc::perf
