#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace oc::base {

/// Starts a thread of the program's own that is never chosen to handle a signal sent to the process:
/// those are for the main thread, whose handlers touch its Lua state. Faults (SIGBUS of a mapped file
/// that shrank) are not blocked: they belong to the thread that made them.
template <typename Body>
std::thread start_thread(Body&& body) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);  // a thread inherits its maker's mask
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return std::thread(std::forward<Body>(body));
}

}  // namespace oc::base
