#pragma once

#include <memory>

#include "base/interner.h"
#include "process/cgroup_names.h"
#include "process/process_model.h"
#include "process/task_log.h"
#include "session/stacks.h"

namespace oc::session {

/// What reading a trace teaches, by the ids that descriptors carry: texts, who ran under which name, cgroups, stacks.
///
/// The decoder's thread writes it while the script's reads what an id means; `processes` is the writer's alone.
/// It outlives the run: ids mean the same as long as the trace is there.
struct TraceModel {
  base::Interner strings;
  process::ProcessModel processes{strings};
  process::CgroupNames cgroups;
  Stacks stacks{strings};
  std::unique_ptr<process::TaskLog> log;  ///< null: nobody wants to know later who ran when

  /// Before the run's start.
  void keep_log() {
    log = std::make_unique<process::TaskLog>();
    processes.set_log(log.get());
    stacks.set_log(log.get());
  }
};

}  // namespace oc::session
