#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace oc::sys {

/// The id of a process in its own pid namespace, the innermost: what it calls itself. `text` is that of
/// /proc/PID/status (its line "NSpid:\t4711\t7"); 0 when it has none.
int32_t parse_namespace_pid(std::string_view text);
/// The same of a living process; 0 when it has gone.
int32_t load_namespace_pid(int32_t pid, const std::string& proc = "/proc");

/// Opens a file for reading as process `pid` sees it: its mount namespace, its root. Symbolic links
/// are followed there and never lead out of it, as they would by the path /proc/PID/root/….
/// Errors: the process or the file has gone; CAP_SYS_PTRACE is missing for a process of another user.
base::Result<base::Fd> open_as_seen_by(int32_t pid, const std::string& path);

}  // namespace oc::sys
