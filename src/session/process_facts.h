#pragma once

#include <cstdint>
#include <string>

#include "process/cgroup_names.h"

namespace oc::session {

/// What is asked of a process beside its name.
struct ProcessFacts {
  std::string cgroup;         ///< path; "" when not known
  std::string container;      ///< see sys::container_name_of
  int32_t namespace_pid = 0;  ///< what the process calls itself; 0: not known
};

/// As /proc tells now; all empty when the process has gone.
ProcessFacts load_process_facts(int32_t pid);
/// Of a cgroup's path alone.
ProcessFacts facts_of_cgroup(std::string path);

/// Tells the groups that there are: the kernel's records tell of new ones only.
void name_cgroups(process::CgroupNames& names);

}  // namespace oc::session
