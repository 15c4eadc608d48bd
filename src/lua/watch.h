#pragma once

#include <signal.h>
#include <lua.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "abi/host.h"
#include "base/fd.h"

namespace oc::lua {

/// Ends a script that should end: SIGINT, SIGTERM, and a callback that never returns (`--timeout`).
///
///     first signal   a recorded run stops behind this event, a live one when what has happened is
///                    delivered, but no later than 0.2 s; hooks are not cut off. A script's body outside
///                    of a run gets an error at its next line, and ends a second later if it
///                    has no next line; before a script begins the process ends
///     second signal  the process ends now, saying where the script was: compiled code has no hooks
///     lines typed    (host.interactive) SIGINT ends what the line does: as the first signal, again and
///                    again; a line that goes on for 2 s is told of, and only then a further signal
///                    ends the process. SIGTERM and SIGHUP: the line, and then the session
///     SIGUSR1        a live run pauses, or goes on; ignored by others
///     watchdog       a hook first, for interpreted code; a second later as the second signal
///
/// A thread of its own waits for signals, so that nothing is done inside a handler but counting and
/// setting Lua's hook. One Watch per process, made before the run's threads; main thread only.
class Watch {
 public:
  Watch(oc_host& host, lua_State* state);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  static void on_signal(int number);
  static void raise_interrupted(lua_State* state, lua_Debug* place);
  static void raise_interrupted_again(lua_State* state, lua_Debug* place);
  static void on_bus_error(int number, siginfo_t* info, void* context);
  /// In a worker, which was forked without the thread.
  void begin_anew();
  void run();
  void stop_session();
  void wake_session();
  void follow_line();
  void look_at_progress();
  /// Says where the script was, flushes what can be flushed, ends the process.
  [[noreturn]] void end_now(int status, const std::string& why);
  std::string where() const;

  oc_host& host_;
  lua_State* state_;
  base::Fd wake_;
  pthread_t main_thread_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> is_interrupting_{false};  ///< the first signal met a script's body
  // Of its own thread only: when the first signal was seen, the watchdog's view.
  std::chrono::steady_clock::time_point stopped_at_{};
  // Of a session of lines: which line, whether the hook was set anew, whether it was told that it hangs.
  uint32_t seen_line_ = 0;
  bool is_hooked_again_ = false;
  bool is_told_ = false;
  uint32_t requests_when_told_ = 0;
  uint64_t seen_progress_ = 0;
  uint32_t seen_pauses_ = 0;
  std::chrono::steady_clock::time_point changed_at_;
  bool warned_ = false;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace oc::lua
