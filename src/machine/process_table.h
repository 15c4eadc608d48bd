#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "machine/sample_table.h"
#include "process/module_table.h"

namespace oc::machine {

using ProcessId = base::Id<struct MachineProcessTag>;
using ThreadId = base::Id<struct MachineThreadTag>;

constexpr int64_t kBeforeTrace = INT64_MIN;  ///< it ran when the trace began
constexpr int64_t kAfterTrace = INT64_MAX;   ///< it still ran when the trace ended

/// A name that something had from a time on.
struct NameSince {
  int64_t time;  ///< ns since the session began
  base::StringId name;
};

/// A process in one of its lives: the same pid later is another one. Texts are ids of the machine's.
struct Process {
  int32_t pid = 0;
  int32_t namespace_pid = 0;  ///< as it sees itself; 0: not known
  int64_t start = kBeforeTrace, end = kAfterTrace;
  ProcessId parent;               ///< who forked it; 0: not known
  base::StringId comm;            ///< the latest name of its first thread
  base::StringId command_line;    ///< 0: not known
  base::StringId cgroup;          ///< path, the latest; 0: not known
  std::vector<NameSince> execs;   ///< names that it took by exec, in order
  std::vector<uint32_t> threads;  ///< ThreadIds
  uint32_t live_threads = 0;
};

/// A thread in one of its lives.
struct Thread {
  int32_t tid = 0;
  ProcessId process;
  int64_t start = kBeforeTrace, end = kAfterTrace;
  std::vector<NameSince> names;  ///< in order; the first since it is known
  bool is_told = false;          ///< its names are those of records, not of its samples alone
};

/// A thread under one of its names, in one of its control groups: what a sample refers to.
struct Context {
  ThreadId thread;
  base::StringId comm;
  base::StringId cgroup;  ///< path; 0: no sample told
};

/// Code that was mapped into a process.
struct MachineMapping {
  ProcessId process;  ///< 0: the kernel's
  process::ModuleId module;
  uint64_t start = 0, end = 0;  ///< live addresses, `end` exclusive
  uint64_t offset = 0;          ///< of `start` in the module
  int64_t from = kBeforeTrace, until = kAfterTrace;
};

/// Who ran when under which names, with which code mapped: for all times of a trace, where process::ProcessModel and
/// AddressSpaces know the present only.
///
/// Feed in order of time. Rules as there: an ended thread is still found by its tid until that is used again. A
/// process ends with its last thread, and inherits its parent's mappings when it is forked. One thread.
class ProcessTable {
 public:
  explicit ProcessTable(base::Interner& texts) : texts_(texts) {}

  /// The thread that has this tid now, made if nobody told of it. pid -1: not known.
  ThreadId thread(int32_t pid, int32_t tid);
  /// The thread that the decoder gave this number (oc_event.thread), or as above where it is 0 or new.
  ThreadId thread_of_life(uint32_t life, int32_t pid, int32_t tid);

  void found(uint32_t life, int32_t pid, int32_t tid, std::string_view comm);
  void fork(int64_t time, uint32_t life, int32_t pid, int32_t tid, int32_t parent_pid,
            std::string_view comm, bool begins_empty = false);
  void comm(int64_t time, uint32_t life, int32_t pid, int32_t tid, std::string_view comm,
            bool is_exec);
  void exit(int64_t time, uint32_t life, int32_t pid, int32_t tid);
  /// pid -1: of the kernel. What lay there before ends.
  void map(int64_t time, int32_t pid, MachineMapping mapping);

  /// `cgroup`: where the sample tells it.
  ContextId context(ThreadId thread, base::StringId comm, base::StringId cgroup = {});

  // Requires: an id of this table. Owned by the table, until something is told.
  const Process& process(ProcessId id) const { return processes_[id.value - 1]; }
  Process& process(ProcessId id) { return processes_[id.value - 1]; }
  const Thread& thread(ThreadId id) const { return threads_[id.value - 1]; }
  const Context& context(ContextId id) const { return contexts_[id.value - 1]; }
  const Process& process_of(ContextId id) const {
    return process(thread(context(id).thread).process);
  }
  /// The one that its samples tell, or else its process's; 0: not known.
  base::StringId cgroup_of(ContextId id) const {
    const base::StringId told = context(id).cgroup;
    return told ? told : process_of(id).cgroup;
  }
  /// In the order in which they became known; ids are 1 + index.
  std::span<const Process> processes() const { return processes_; }
  std::span<const Thread> threads() const { return threads_; }
  std::span<const Context> contexts() const { return contexts_; }
  std::span<const MachineMapping> mappings() const { return mappings_; }
  /// The one that has this pid now, or had it last; 0: none.
  ProcessId find(int32_t pid) const;
  /// The one that had it at that time.
  ProcessId find(int32_t pid, int64_t time) const;
  /// Where code of that module at `offset` lay in a process; null: nobody knows.
  const MachineMapping* find_mapping(ProcessId process, process::ModuleId module,
                                     uint64_t offset) const;
  /// Forgets processes, threads, mappings and names that ended before `since`, unless one of the used contexts (by id) is of
  /// them. All ids change: the new one of each context by its old one, 0 for those that are gone.
  std::vector<uint32_t> forget(int64_t since, const std::vector<uint8_t>& used_contexts);
  /// How often ids changed.
  uint32_t generation() const { return generation_; }
  /// How many there are to forget some of.
  size_t rows() const {
    return processes_.size() + threads_.size() + contexts_.size() + mappings_.size() + names_;
  }
  uint64_t size_bytes() const;

 private:
  struct ContextKey {
    uint32_t thread, comm, cgroup;
    bool operator==(const ContextKey&) const = default;
  };
  struct HashContext {
    size_t operator()(const ContextKey& key) const {
      constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
      const uint64_t named = (uint64_t{key.thread} << 32 | key.comm) * kOdd;
      return ((named ^ named >> 32) + key.cgroup) * kOdd;
    }
  };
  static ContextKey key_of(const Context& context) {
    return {context.thread.value, context.comm.value, context.cgroup.value};
  }
  struct Renumbered;
  void keep_names(int64_t since);
  void keep_mappings(int64_t since, const std::vector<uint32_t>& process_ids);
  void renumber(const Renumbered& ids);
  ProcessId make_process(int32_t pid, int64_t start);
  ThreadId make_thread(ProcessId process, int32_t tid, int64_t start);
  void add_mapping(const MachineMapping& mapping);
  void end_mappings(ProcessId process, int64_t time);
  void name(ThreadId thread, int64_t time, base::StringId comm);

  base::Interner& texts_;
  std::vector<Process> processes_;
  std::vector<Thread> threads_;
  std::vector<Context> contexts_;
  std::vector<MachineMapping> mappings_;
  std::unordered_map<int32_t, uint32_t> process_by_pid_;  ///< the latest
  std::unordered_map<int32_t, uint32_t> thread_by_tid_;   ///< the latest
  std::unordered_map<ContextKey, uint32_t, HashContext> context_of_;
  std::unordered_multimap<int32_t, uint32_t> lives_of_;  ///< by pid: all processes
  std::unordered_map<uint32_t, uint32_t> by_life_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> mappings_of_;  ///< by process, of all times
  std::unordered_map<uint32_t, std::map<uint64_t, uint32_t>> live_;  ///< by process: start, mapping
  size_t names_ = 0;                                                 ///< of threads and execs
  uint32_t generation_ = 0;
};

}  // namespace oc::machine
