#include "machine/process_table.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace oc::machine {

namespace {

std::string unnamed(int32_t tid) { return ":" + std::to_string(tid); }  // as perf says

}  // namespace

ProcessId ProcessTable::make_process(int32_t pid, int64_t start) {
  Process process;
  process.pid = pid;
  process.start = start;
  processes_.push_back(std::move(process));
  const auto id = static_cast<uint32_t>(processes_.size());
  process_by_pid_[pid] = id;
  lives_of_.emplace(pid, id);
  return {id};
}

ThreadId ProcessTable::make_thread(ProcessId process, int32_t tid, int64_t start) {
  Thread thread;
  thread.tid = tid;
  thread.process = process;
  thread.start = start;
  threads_.push_back(std::move(thread));
  const auto id = static_cast<uint32_t>(threads_.size());
  thread_by_tid_[tid] = id;
  Process& owner = processes_[process.value - 1];
  owner.threads.push_back(id);
  ++owner.live_threads;
  owner.end = kAfterTrace;
  return {id};
}

/// The kernel's pid of what nobody knows is -1; an idle thread is of process 0.
ThreadId ProcessTable::thread(int32_t pid, int32_t tid) {
  if (const auto at = thread_by_tid_.find(tid); at != thread_by_tid_.end()) {
    const Process& owner = process(threads_[at->second - 1].process);
    if (pid < 0 || owner.pid == pid) return {at->second};
  }
  const int32_t owner_pid = pid < 0 ? tid : pid;
  const ProcessId known = find(owner_pid);
  const ThreadId made =
      make_thread(known ? known : make_process(owner_pid, kBeforeTrace), tid, kBeforeTrace);
  return made;
}

ThreadId ProcessTable::thread_of_life(uint32_t life, int32_t pid, int32_t tid) {
  if (life == 0) return thread(pid, tid);
  uint32_t& known = by_life_[life];
  // A lost FORK: the same id in another process.
  const bool is_other = known != 0 && pid >= 0 && process(threads_[known - 1].process).pid != pid;
  if (known == 0 || is_other) known = thread(pid, tid).value;
  return {known};
}

void ProcessTable::name(ThreadId id, int64_t time, base::StringId comm) {
  Thread& thread = threads_[id.value - 1];
  if (thread.names.empty() || !(thread.names.back().name == comm)) {
    thread.names.push_back({time, comm});
    ++names_;
  }
  Process& owner = process(thread.process);
  if (thread.tid == owner.pid || !owner.comm) owner.comm = comm;
}

void ProcessTable::found(uint32_t life, int32_t pid, int32_t tid, std::string_view comm) {
  const ThreadId thread = thread_of_life(life, pid, tid);
  if (comm.empty()) return;
  name(thread, kBeforeTrace, texts_.intern(comm));
  threads_[thread.value - 1].is_told = true;
}

/// A thread of the same process, or the first one of a new process, which has its parent's mappings.
void ProcessTable::fork(int64_t time, uint32_t life, int32_t pid, int32_t tid, int32_t parent_pid,
                        std::string_view comm, bool begins_empty) {
  const ProcessId parent = find(parent_pid);
  ProcessId owner = find(pid);
  // What was listed when the trace began may be known already: nothing forks twice then.
  if (time == kBeforeTrace && thread_by_tid_.count(tid) != 0 && owner) {
    found(life, pid, tid, comm);
    if (pid != parent_pid && !process(owner).parent) process(owner).parent = parent;
    return;
  }
  if (pid != parent_pid) {
    owner = make_process(pid, time);
    process(owner).parent = parent;
    if (parent && !begins_empty) {
      const auto inherited = live_.find(parent.value);
      const auto live =
          inherited == live_.end() ? std::map<uint64_t, uint32_t>() : inherited->second;
      for (const auto& [start, index] : live) {
        MachineMapping mapping = mappings_[index];
        mapping.process = owner;
        mapping.from = time;
        add_mapping(mapping);
      }
    }
  } else if (!owner) {
    owner = make_process(pid, kBeforeTrace);
  }
  const ThreadId thread = make_thread(owner, tid, time);
  if (life != 0) by_life_[life] = thread.value;
  if (comm.empty()) return;
  name(thread, time, texts_.intern(comm));
  threads_[thread.value - 1].is_told = true;
}

void ProcessTable::comm(int64_t time, uint32_t life, int32_t pid, int32_t tid,
                        std::string_view comm, bool is_exec) {
  const ThreadId thread = thread_of_life(life, pid, tid);
  const base::StringId text = texts_.intern(comm);
  name(thread, time, text);
  threads_[thread.value - 1].is_told = true;
  if (!is_exec) return;
  const ProcessId owner = threads_[thread.value - 1].process;
  Process& executed = process(owner);
  executed.execs.push_back({time, text});
  ++names_;
  end_mappings(owner, time);
  // All other threads end, and the one that executes has the first one's id from now on, whichever it was.
  for (const uint32_t id : executed.threads) {
    Thread& other = threads_[id - 1];
    if (id != thread.value && other.end == kAfterTrace) other.end = time;
  }
  threads_[thread.value - 1].end = kAfterTrace;
  executed.end = kAfterTrace;
  executed.live_threads = 1;
}

void ProcessTable::exit(int64_t time, uint32_t life, int32_t pid, int32_t tid) {
  Thread& thread = threads_[thread_of_life(life, pid, tid).value - 1];
  if (thread.end != kAfterTrace) return;
  thread.end = time;
  Process& owner = process(thread.process);
  if (owner.live_threads > 0 && --owner.live_threads > 0) return;
  owner.end = time;
  end_mappings(thread.process, time);
}

void ProcessTable::end_mappings(ProcessId process, int64_t time) {
  const auto live = live_.find(process.value);
  if (live == live_.end()) return;
  for (const auto& [start, index] : live->second) mappings_[index].until = time;
  live_.erase(live);
}

void ProcessTable::add_mapping(const MachineMapping& mapping) {
  const auto index = static_cast<uint32_t>(mappings_.size());
  mappings_.push_back(mapping);
  mappings_of_[mapping.process.value].push_back(index);
  live_[mapping.process.value][mapping.start] = index;
}

/// What is cut by a new mapping ends as a whole: its rest, if there is one, goes on from the same time.
void ProcessTable::map(int64_t time, int32_t pid, MachineMapping mapping) {
  mapping.from = time;
  mapping.until = kAfterTrace;
  if (pid >= 0) {
    const ProcessId known = find(pid);
    mapping.process = known ? known : make_process(pid, kBeforeTrace);
  }
  auto& live = live_[mapping.process.value];
  // Live ones do not overlap, so that only the one before the start can reach into it.
  auto at = live.lower_bound(mapping.start);
  if (at != live.begin() && mappings_[std::prev(at)->second].end > mapping.start) --at;
  std::vector<MachineMapping> rests;
  while (at != live.end() && at->first < mapping.end) {
    const MachineMapping old = mappings_[at->second];
    mappings_[at->second].until = time;
    at = live.erase(at);
    const auto keep = [&](uint64_t start, uint64_t end) {
      if (start >= end) return;
      MachineMapping rest = old;
      rest.offset += start - old.start;
      rest.start = start;
      rest.end = end;
      rest.from = time;
      rests.push_back(rest);
    };
    keep(old.start, mapping.start);
    keep(mapping.end, old.end);
  }
  for (const MachineMapping& rest : rests) add_mapping(rest);
  if (mapping.module) add_mapping(mapping);
}

ContextId ProcessTable::context(ThreadId thread, base::StringId comm, base::StringId cgroup) {
  if (!comm) comm = texts_.intern(unnamed(threads_[thread.value - 1].tid));
  const Context context{thread, comm, cgroup};
  const auto [at, is_new] =
      context_of_.try_emplace(key_of(context), static_cast<uint32_t>(contexts_.size() + 1));
  if (is_new) {
    contexts_.push_back(context);
    // A name that only its samples tell: since when it had it, nobody knows.
    const auto& names = threads_[thread.value - 1].names;
    const bool is_known = threads_[thread.value - 1].is_told ||
                          std::any_of(names.begin(), names.end(),
                                      [&](const NameSince& known) { return known.name == comm; });
    if (!is_known) name(thread, names.empty() ? kBeforeTrace : names.back().time, comm);
  }
  return {at->second};
}

ProcessId ProcessTable::find(int32_t pid) const {
  const auto at = process_by_pid_.find(pid);
  return {at == process_by_pid_.end() ? 0 : at->second};
}

ProcessId ProcessTable::find(int32_t pid, int64_t time) const {
  uint32_t best = 0;
  const auto [from, to] = lives_of_.equal_range(pid);
  for (auto it = from; it != to; ++it) {
    const Process& process = processes_[it->second - 1];
    if (process.start > time) continue;
    if (best == 0 || process.start > processes_[best - 1].start) best = it->second;
  }
  return {best};
}

const MachineMapping* ProcessTable::find_mapping(ProcessId process, process::ModuleId module,
                                                 uint64_t offset) const {
  const auto list = mappings_of_.find(process.value);
  if (list == mappings_of_.end()) return nullptr;
  for (auto it = list->second.rbegin(); it != list->second.rend(); ++it) {
    const MachineMapping& mapping = mappings_[*it];
    if (mapping.module == module && offset - mapping.offset < mapping.end - mapping.start) {
      return &mapping;
    }
  }
  return nullptr;
}

uint64_t ProcessTable::size_bytes() const {
  uint64_t bytes = processes_.capacity() * sizeof(Process) + threads_.capacity() * sizeof(Thread) +
                   contexts_.capacity() * sizeof(Context) +
                   mappings_.capacity() * sizeof(MachineMapping) + by_life_.size() * 32;
  bytes += names_ * sizeof(NameSince) + threads_.size() * 4;
  bytes += live_.size() * 96 + mappings_of_.size() * 56;
  bytes += (process_by_pid_.size() + thread_by_tid_.size() + lives_of_.size()) * 32;
  bytes += context_of_.size() * 48 + mappings_.size() * (4 + 48);  // at most: all are live
  return bytes;
}

}  // namespace oc::machine
