#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/interner.h"
#include "process/process_model.h"

namespace oc::session {

/// Which threads' events are delivered, where the kernel or a recording has those of others too.
///
/// A thread is in when its process is one of `pids` (or was started by one), its tid is one of `tids`,
/// or, where there are `comms`, its name or its process's name matches one of them at that moment:
/// a process that gets the name later is in from then on. Both conditions hold where both are given.
/// Per event: a look-up or two. One thread, that of the process model.
class TaskSelection {
 public:
  TaskSelection() = default;
  TaskSelection(std::vector<int32_t> pids, std::vector<int32_t> tids,
                std::vector<std::string> comms);

  /// Whether anything is left out at all.
  bool selects() const { return has_ids_ || !comms_.empty(); }
  /// Whether an event of this thread is in; of one whose number is not known (-1), its process.
  bool admits(int32_t pid, int32_t tid, process::ProcessModel& processes,
              const base::Interner& names);
  /// Of a recorded trace: who chooses a number means whoever has it there, also when it begins only then. Live, those
  /// chosen run already, and the number's next owner is another process.
  void choose_recorded() { chosen_ = pids_; }
  /// Nobody is in before this process executes a program; then it is, and what it starts.
  void await_exec(int32_t pid) {
    has_ids_ = true;
    awaited_ = pid;
  }
  void exec(int32_t pid) {
    if (pid == awaited_) pids_.insert(pid);
  }
  /// Whether a COMM record may let its thread in; all else may have changed meanwhile.
  bool may_choose(int32_t pid, bool is_exec, base::StringId comm, const base::Interner& names) {
    return (is_exec && pid == awaited_) || (!comms_.empty() && matches(comm, names));
  }
  /// A FORK record: what a selected process starts is selected.
  void fork(int32_t pid, int32_t tid, int32_t parent_pid);

 private:
  bool matches(base::StringId comm, const base::Interner& names);

  bool has_ids_ = false;
  int32_t awaited_ = 0;  ///< 0: nobody
  std::unordered_set<int32_t> pids_;
  std::unordered_set<int32_t> tids_;
  std::unordered_set<int32_t> chosen_;  ///< of `pids_`, those that stay whoever forks them
  std::vector<std::string> comms_;
  std::unordered_map<uint32_t, bool> matched_;  ///< by name
};

}  // namespace oc::session
