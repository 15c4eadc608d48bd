#include "process/process_model.h"

#include <string>

namespace oc::process {

ProcessModel::ProcessModel(base::Interner& names) : names_(names) {}

Thread ProcessModel::make(int32_t pid, int32_t tid) {
  Thread thread;
  thread.id = next_id_++;
  thread.pid = pid;
  thread.tid = tid;
  thread.is_named = tid == 0;
  thread.comm = names_.intern(tid == 0 ? "swapper" : ":" + std::to_string(tid));
  return thread;
}

Thread& ProcessModel::slot(int32_t pid, int32_t tid) {
  auto [entry, added] = by_tid_.try_emplace(tid);
  if (added) entry->second = make(pid, tid);
  Thread& thread = entry->second;
  if (thread.pid != pid && pid >= 0) thread.pid = pid;
  return thread;
}

const Thread& ProcessModel::find_slowly(int32_t pid, int32_t tid) {
  Thread& thread = slot(pid, tid);
  recent_[static_cast<uint32_t>(tid) % kRecent] = &thread;
  return thread;
}

void ProcessModel::name_idle(std::string_view name) { slot(0, 0).comm = names_.intern(name); }

void ProcessModel::note(TaskLog::What what, const Thread& thread, int32_t parent_pid,
                        bool begins_empty) {
  if (log_ == nullptr) return;
  TaskLog::Entry entry;
  entry.what = what;
  entry.begins_empty = begins_empty;
  entry.pid = thread.pid;
  entry.tid = thread.tid;
  entry.parent_pid = parent_pid;
  entry.thread = thread.id;
  if (thread.is_named) entry.name = thread.comm;
  log_->add(entry);
}

void ProcessModel::comm(int32_t pid, int32_t tid, std::string_view name, bool is_exec) {
  if (tid == 0) return;  // of a thread outside of our pid namespace
  Thread& thread = slot(pid, tid);
  thread.comm = names_.intern(name);
  thread.is_named = true;
  note(is_exec ? TaskLog::What::kExec : TaskLog::What::kComm, thread);
}

void ProcessModel::exit(int32_t pid, int32_t tid) {
  if (log_ != nullptr && tid != 0) note(TaskLog::What::kExit, slot(pid, tid));
}

void ProcessModel::fork(int32_t pid, int32_t tid, int32_t parent_pid, int32_t parent_tid,
                        bool begins_empty) {
  if (tid == 0 || tid == parent_tid)
    return;  // as some synthesised records of a process's own leader
  const Thread parent = slot(parent_pid, parent_tid);
  Thread& child = by_tid_[tid];
  child = make(pid, tid);
  if (parent.is_named) {
    child.comm = parent.comm;
    child.is_named = true;
  }
  note(TaskLog::What::kFork, child, parent_pid, begins_empty);
}

void ProcessModel::rundown(int32_t pid, int32_t tid, std::string_view name) {
  Thread& thread = slot(pid, tid);
  if (thread.is_named) return;
  thread.comm = names_.intern(name);
  thread.is_named = true;
  note(TaskLog::What::kFound, thread);
}

}  // namespace oc::process
