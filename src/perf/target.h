#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace oc::perf {

/// Whom to trace. All empty: everything, or the command of the run.
struct Target {
  bool is_system = false;  ///< everything, also while a command runs
  /// The kernel gives the events of everybody, and the decoder chooses: needed where what others do is to be seen, too.
  bool is_chosen_here = false;
  std::vector<int32_t> pids;         ///< processes: all their threads, and what these start
  std::vector<int32_t> tids;         ///< these threads alone
  std::vector<std::string> comms;    ///< names or globs; selected where events are decoded
  std::vector<std::string> cgroups;  ///< folders of the hierarchy that perf events use
  std::vector<int32_t> cpus;         ///< empty: all that are online

  bool has_tasks() const { return !pids.empty() || !tids.empty(); }
};

/// Where one descriptor of an event is opened.
struct Place {
  pid_t pid = -1;  ///< a thread; -1: all of them; of a cgroup: the descriptor of its folder
  int32_t cpu = -1;
  bool is_cgroup = false;
  bool inherits = false;  ///< what the thread starts is traced too
};

}  // namespace oc::perf
