#include "session/process_facts.h"

#include <utility>

#include "sys/cgroup.h"
#include "sys/process_view.h"

namespace oc::session {

ProcessFacts load_process_facts(int32_t pid) {
  ProcessFacts facts;
  if (pid == 0) facts.cgroup = "/";  // the idle task is in no /proc
  if (pid <= 0) return facts;
  auto group = sys::load_process_cgroup(pid);
  facts.cgroup = std::move(group.path);
  facts.container = std::move(group.container);
  facts.namespace_pid = sys::load_namespace_pid(pid);
  return facts;
}

ProcessFacts facts_of_cgroup(std::string path) {
  ProcessFacts facts;
  facts.container = sys::container_name_of(path);
  facts.cgroup = std::move(path);
  return facts;
}

void name_cgroups(process::CgroupNames& names) {
  const auto root = sys::find_cgroup2();
  if (!root) return;
  for (const sys::Cgroup& group : sys::scan_cgroups(*root)) names.add(group.id, group.path);
}

}  // namespace oc::session
