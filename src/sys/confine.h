#pragma once

#include "base/result.h"

namespace oc::sys {

/// For all threads of this process and what they start, for good: no rights from set-uid programs, and no keys pushed
/// into a terminal (ioctl TIOCSTI, TIOCLINUX: EPERM), which the shell that called us would read as typed by its user.
/// Error: the kernel has no seccomp filters.
base::Status confine();

}  // namespace oc::sys
