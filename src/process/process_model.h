#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/id.h"
#include "base/interner.h"
#include "process/task_log.h"

namespace oc::process {

/// A thread as it is now; which one this is was settled by (tid, birth).
struct Thread {
  uint32_t id = 0;  ///< dense, from 1: one per life of a tid, so a reused tid has a new one
  int32_t pid = 0;
  int32_t tid = 0;
  base::StringId comm;    ///< ":TID" as long as nobody told the name
  bool is_named = false;  ///< a COMM, a fork of a named thread, or the rundown told it
};

/// Who ran under which name, as of the last record applied: feed records in time order.
///
/// Rules are perf's (tools/perf/util/machine.c): a thread never named is ":TID", tid 0 is "swapper", a
/// child has its parent's name until a COMM, an exited thread keeps its name for late samples. The
/// rundown's answers never replace what a live record said.
/// One thread only; names may be read by another through the interner (see there).
class ProcessModel {
 public:
  explicit ProcessModel(base::Interner& names);

  /// The thread with this tid, made if it was not known. Called per event: recent threads are 1 load away.
  const Thread& find_or_add(int32_t pid, int32_t tid) {
    Thread* recent = recent_[static_cast<uint32_t>(tid) % kRecent];
    if (recent != nullptr && recent->tid == tid && recent->pid == pid) return *recent;
    return find_slowly(pid, tid);
  }

  /// From now on what is told is noted there, too. It outlives the model.
  void set_log(TaskLog* log) { log_ = log; }

  /// Texts of `Thread::comm`.
  const base::Interner& names() const { return names_; }

  void comm(int32_t pid, int32_t tid, std::string_view name, bool is_exec = false);
  /// Of tid 0, which no record renames: in a pid namespace all threads outside of it have that id.
  void name_idle(std::string_view name);
  /// `begins_empty`: see TaskLog.
  void fork(int32_t pid, int32_t tid, int32_t parent_pid, int32_t parent_tid,
            bool begins_empty = false);
  void exit(int32_t pid, int32_t tid);
  /// What /proc says: used only when no record has told.
  void rundown(int32_t pid, int32_t tid, std::string_view name);

 private:
  static constexpr uint32_t kRecent = 1024;

  const Thread& find_slowly(int32_t pid, int32_t tid);
  Thread& slot(int32_t pid, int32_t tid);
  Thread make(int32_t pid, int32_t tid);
  void note(TaskLog::What what, const Thread& thread, int32_t parent_pid = -1,
            bool begins_empty = false);

  base::Interner& names_;
  std::unordered_map<int32_t, Thread>
      by_tid_;  ///< entries keep their address; none is ever removed
  std::array<Thread*, kRecent> recent_{};
  uint32_t next_id_ = 1;
  TaskLog* log_ = nullptr;  ///< null: nobody wants one
};

}  // namespace oc::process
