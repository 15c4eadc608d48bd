#pragma once

#include <cstdint>

#include "base/block_list.h"
#include "base/id.h"
#include "process/module_table.h"

namespace oc::process {

/// What happened to threads and memory, in the order of the trace: who wants to know it afterwards (the machine) reads it.
///
/// Append-only: the decoder's thread adds, the script's thread reads what a batch brought it. Made only when somebody
/// asked for it.
struct TaskLog {
  enum class What : uint8_t {
    kComm,   ///< `thread` has the name `name` from now on
    kExec,   ///< the same; its process runs another program
    kFork,   ///< `thread` is new; `parent` made it; in another process when pid differs from the parent's
    kExit,   ///< `thread` ended
    kFound,  ///< it ran already when the trace began, or before anything told of it
    kMap,    ///< of `pid` (-1: the kernel): `start`, `size_bytes`, `offset`, `module`, code
    kUnmap,  ///< nothing is mapped there any more (of the kernel's code)
  };
  struct Entry {
    What what = What::kFound;
    int64_t time = 0;  ///< ns of the trace's clock; 0: before the trace
    int32_t pid = 0, tid = 0;
    int32_t parent_pid = 0;
    uint32_t thread = 0;  ///< which life of the tid (Thread::id)
    base::StringId name;
    // Of a mapping:
    ModuleId module;
    uint64_t start = 0, size_bytes = 0;
    uint64_t offset = 0;  ///< in the module
  };
  base::BlockList<Entry> entries;
};

}  // namespace oc::process
