#pragma once

#include <cstdint>

#include "base/block_list.h"
#include "base/id.h"
#include "process/module_table.h"

namespace oc::process {

/// What happened to threads and memory, in the order of the trace: for who wants to know it afterwards (the machine), where
/// ProcessModel and AddressSpaces know the present.
///
/// Append-only: the decoder's thread adds, the script's thread reads what is there. 80 bytes an entry. Made only when
/// somebody asks for it.
class TaskLog {
 public:
  enum class What : uint8_t {
    kFound,  ///< `thread` ran when the trace began, or was listed then
    kFork,   ///< `thread` is new; when pid differs from parent_pid, so is its process
    kComm,   ///< `thread` has the name `name` from now on
    kExec,   ///< the same; its process runs another program
    kExit,   ///< `thread` ended
    kMap,  ///< code: `module`, `start`, `size_bytes`, `offset`, in process `pid`; -1: the kernel's
  };
  struct Entry {
    What what = What::kFound;
    bool begins_empty = false;  ///< of kFork: what is mapped is told, not inherited
    uint64_t time = 0;          ///< of the trace's clock; 0: before the trace
    int32_t pid = 0, tid = 0;
    int32_t parent_pid = -1;  ///< -1: not known
    uint32_t thread = 0;      ///< Thread::id
    base::StringId name;      ///< 0: not known
    // Of a mapping:
    ModuleId module;
    uint64_t start = 0, size_bytes = 0;
    uint64_t offset = 0;  ///< in the module
  };

  /// What is added from now on happened at that time.
  void set_time(uint64_t time) { time_ = time; }
  void add(Entry entry) {
    entry.time = time_;
    entries_.append(entry);
  }
  /// Any thread may read those below a size that it saw.
  const base::BlockList<Entry, 10>& entries() const { return entries_; }

 private:
  uint64_t time_ = 0;
  base::BlockList<Entry, 10> entries_;
};

}  // namespace oc::process
