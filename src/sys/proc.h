#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oc::sys {

/// A thread as /proc shows it.
struct ThreadInfo {
  int32_t pid = 0;
  int32_t tid = 0;
  std::string comm;  ///< at most 15 bytes, as in the kernel's records
};

/// What one rundown found, and whether it can be trusted to be whole.
struct ThreadScan {
  std::vector<ThreadInfo> threads;  ///< by tid, ascending
  bool is_settled = false;          ///< the last two scans saw the same tids
  uint32_t scans = 0;
};

/// All threads that any walk saw: /proc is walked again until two walks see the same tids, at most
/// `max_scans` times. Names are read once per tid. Who ended meanwhile is told as well: events ran already, and what he did
/// until then needs his name.
///
/// Two walks, because readdir of /proc promises nothing about what starts behind its back. 4000
/// threads take 28 ms for both.
ThreadScan scan_threads(const std::string& proc = "/proc", uint32_t max_scans = 4);

/// The threads of a process, by tid; empty when it does not live. By any of its threads.
std::vector<int32_t> list_threads(int32_t pid, const std::string& proc = "/proc");

/// Whether a process or thread runs: one that ended and was not waited for does not.
bool is_alive(int32_t tid, const std::string& proc = "/proc");
/// Whether any thread of a process runs: the first one may have ended (pthread_exit).
bool is_process_alive(int32_t pid, const std::string& proc = "/proc");

/// Whether thread ids here are those of the host: the kernel's first pid namespace.
bool in_initial_pid_namespace();
/// Whether capabilities here count for the whole machine: the kernel's first user namespace.
bool in_initial_user_namespace();

/// The thread `tid` of process `pid`; the name is empty when it does not live any more.
ThreadInfo load_thread(int32_t pid, int32_t tid, const std::string& proc = "/proc");

/// The same of a thread whose process is not known.
ThreadInfo load_thread(int32_t tid, const std::string& proc = "/proc");

}  // namespace oc::sys
