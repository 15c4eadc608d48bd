#include "process/cgroup_names.h"

namespace oc::process {

void CgroupNames::add(uint64_t id, std::string_view path) {
  const std::lock_guard lock(mutex_);
  paths_[id] = path;
}

std::string CgroupNames::find(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = paths_.find(id);
  return found == paths_.end() ? std::string() : found->second;
}

}  // namespace oc::process
