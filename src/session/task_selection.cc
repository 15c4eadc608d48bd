#include "session/task_selection.h"

#include <algorithm>
#include <utility>

#include "base/glob.h"

namespace oc::session {

TaskSelection::TaskSelection(std::vector<int32_t> pids, std::vector<int32_t> tids,
                             std::vector<std::string> comms)
    : has_ids_(!pids.empty() || !tids.empty()),
      pids_(pids.begin(), pids.end()),
      tids_(tids.begin(), tids.end()),
      comms_(std::move(comms)) {}

bool TaskSelection::matches(base::StringId comm, const base::Interner& names) {
  const auto [entry, is_new] = matched_.try_emplace(comm.value, false);
  if (is_new) {
    const std::string name(names.text(comm));
    entry->second = std::any_of(comms_.begin(), comms_.end(), [&](const std::string& glob) {
      return base::glob_matches(glob, name);
    });
  }
  return entry->second;
}

bool TaskSelection::admits(int32_t pid, int32_t tid, process::ProcessModel& processes,
                           const base::Interner& names) {
  if (has_ids_ && pids_.count(pid) == 0 && tids_.count(tid) == 0) return false;
  if (comms_.empty()) return true;
  if (tid >= 0 && matches(processes.find_or_add(pid, tid).comm, names)) return true;
  return pid > 0 && pid != tid && matches(processes.find_or_add(pid, pid).comm, names);
}

void TaskSelection::fork(int32_t pid, int32_t tid, int32_t parent_pid) {
  if (!has_ids_ || pid == parent_pid || pid != tid) return;  // a thread of its process
  if (pids_.count(parent_pid) != 0) {
    pids_.insert(pid);
  } else if (chosen_.count(pid) == 0) {
    pids_.erase(pid);  // the number was another process's before
  }
}

}  // namespace oc::session
