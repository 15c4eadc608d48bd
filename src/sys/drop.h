#pragma once

#include <string>

#include "base/result.h"

namespace oc::sys {

/// Who runs a script instead of root, and what that took.
struct Dropped {
  std::string name;  ///< "" when there was nothing to give up
  uint32_t uid = 0;
  uint32_t gid = 0;
  int broker_pid = 0;
};

/// Gives up this process's rights for good, all threads: it becomes user `name` (a name, a uid, or "sudo": whoever
/// called sudo), with that user's groups and home, and without capabilities. A broker keeps them and opens events for
/// it. Who has no rights has nothing to give up. Error: no such user, not root, or the broker did not start: then
/// nothing has changed.
base::Result<Dropped> drop_rights(const std::string& name);

/// Of whom `drop_rights` made this process; name "" when nobody asked for it.
const Dropped& dropped();

}  // namespace oc::sys
