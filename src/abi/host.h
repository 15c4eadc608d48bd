#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "event/filter.h"
#include "session/process_facts.h"
#include "session/session.h"

extern "C" {
#include "event/descriptor.h"

#include "abi/filter.h"
#include "abi/session.h"

#include "abi/live.h"
#include "abi/record.h"
}

struct oc_machine;
struct oc_event_file;
struct oc_worker;

/// What the program and its script share beside the Lua state: which session runs now, what the script
/// is doing, how often a signal asked it to stop. One per Lua state; outlives it.
struct oc_host {
  enum class Doing : uint32_t {
    kHost,       ///< not in script code: starting, ending
    kBody,       ///< interpreted script code: the file's body, a timer, an end hook; hooks work
    kCallbacks,  ///< compiled callbacks on a batch
    kWaiting,    ///< in the runtime, for events
  };

  std::atomic<Doing> doing{Doing::kHost};
  /// From a run's start to its finish: a signal ends the run, and what its hooks do is not cut off.
  std::atomic<bool> is_running{false};
  std::atomic<uint32_t> stop_requests{0};  ///< SIGINT and SIGTERM so far
  std::atomic<int> last_signal{0};
  std::atomic<uint32_t> pause_requests{
      0};                              ///< SIGUSR1 so far: each pauses a live run, or resumes it
  std::atomic<uint32_t> progress{0};   ///< changes whenever the script came back to the runtime
  std::atomic<int64_t> timeout_ns{0};  ///< the watchdog's patience; 0: none
  std::atomic<bool> timed_out{false};
  std::atomic<bool> has_bar{false};  ///< the terminal's line is the progress bar's
  /// A session of lines: Ctrl-C ends a line, not the program (lua/watch.h).
  std::atomic<int> interactive{0};  ///< 1: their runs end with them; 2: they are typed beside a run
  std::atomic<int> end_signal{0};   ///< SIGTERM or SIGHUP, where interactive
  std::atomic<uint32_t> lines_begun{
      0};  ///< changes when what was asked of the line before is done with

  /// Guards `active`: a session is stopped from a signal's thread while it may be closing.
  std::mutex mutex;
  oc_session* active = nullptr;

  /// Of the workers that run (abi/jobs.h), for the progress bar; guarded by `mutex`.
  struct Work {
    const std::atomic<uint64_t>* bytes_read;
    uint64_t of_bytes;
  };
  std::vector<Work> work;
  uint64_t work_bytes = 0;  ///< of all parts; 0: there are no workers
  uint64_t work_done = 0;   ///< of those that have ended
  // In a worker: itself, and where it tells how far it is.
  uint32_t forks = 0;  ///< 1 in a worker
  oc_worker* own_worker = nullptr;
  std::atomic<uint64_t>* own_work = nullptr;
  std::function<void()> after_fork;  ///< the watch's: its thread is not in the worker
};

/// A session with what Lua's calls need: the last error, the place in the batch.
struct oc_session {
  explicit oc_session(oc_host& owner) : host(owner), forks(owner.forks) {}

  oc_host& host;
  /// The host's when this was made: what a worker inherited has threads that are not there, and is never closed.
  const uint32_t forks;
  oc::session::Session session;
  oc_loop loop{};
  oc::perf::Target target;
  oc::base::Error failure;
  oc_error error{};
  std::vector<std::string> where;  ///< by kind: "cpu_top.lua:14"
  std::string text;                ///< lent results
  std::vector<std::string> names;
  std::string names_glob;
  std::vector<std::string> notes;
  oc::session::ProcessFacts facts;  ///< lent by the last question about a process
  double cpu_ns_at_start = 0;
  double started_at_ns = 0;         ///< CLOCK_MONOTONIC
  double ended_at_ns = 0;           ///< 0: not yet
  uint32_t pause_requests = 0;      ///< of the host's, those that were followed
  oc::base::Nanos feed_start = 0;   ///< of a fed trace: absolute time of its beginning
  double cut_at_ns = 0;             ///< time of the first event that was dropped, if any
  uint32_t batch_count = 0;         ///< loop.count as it was, while stopping may have set that to 0
  std::atomic<bool> is_cut{false};  ///< the run ends before its events do
  bool is_left = false;             ///< before its end, by a loop that goes on with it
  bool has_lost_samples = false;    ///< of the machine: memory ended
  bool is_interactive = false;      ///< signals are not for its run
  /// A face of the session's machine, when somebody asked for it. Only abi/machine.cc knows the type.
  std::unique_ptr<oc_machine, void (*)(oc_machine*)> machine{nullptr, nullptr};
  /// Files of events that are being written; abi/event_files.cc knows the type.
  std::vector<std::unique_ptr<oc_event_file, void (*)(oc_event_file*)>> event_files;
  oc::event::Filter filter;  ///< the one checked last, and as Lua reads it
  std::vector<oc_filter_node> nodes;
  std::string kernel_filter, kernel_rest;

  /// Any thread: the loop ends behind the event that it is at, and no batch follows.
  void cut() {
    is_cut = true;
    loop.count = 0;
  }
  /// Events of the batch that stopping kept from the callbacks.
  uint32_t dropped() const {
    const bool goes_on = is_left && !is_cut;
    return loop.count == 0 && batch_count > 0 && !goes_on ? batch_count - loop.at - 1 : 0;
  }
};
