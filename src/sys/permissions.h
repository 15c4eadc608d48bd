#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace oc::sys {

/// What this process may do with perf events, as far as it can be known before trying.
///
/// In a container the capabilities may be those of a user namespace, which the kernel does not
/// count: use these for hints and sizes, and let the system call decide.
struct Permissions {
  uint32_t euid = 0;
  uint64_t capabilities = 0;   ///< the effective set, a bit each
  bool has_perfmon = false;    ///< CAP_PERFMON, or CAP_SYS_ADMIN
  bool has_sys_admin = false;  ///< CAP_SYS_ADMIN
  bool has_ipc_lock = false;   ///< CAP_IPC_LOCK: no limit on ring memory
  int32_t perf_event_paranoid = 2;
  uint64_t perf_event_mlock_kb =
      516;  ///< ring memory per CPU and user before RLIMIT_MEMLOCK counts
  uint64_t max_sample_rate = 100000;
  uint64_t memlock_bytes = 0;  ///< soft RLIMIT_MEMLOCK; ~0: none

  bool may_trace_system_wide() const { return has_perfmon || perf_event_paranoid <= 0; }
  bool may_see_kernel() const { return has_perfmon || perf_event_paranoid <= 1; }
  bool may_lock_any_amount() const {
    return has_ipc_lock || perf_event_paranoid <= -1 || memlock_bytes == ~uint64_t{0};
  }
};

Permissions load_permissions();

/// What an unprivileged user can do where perf_event_paranoid of at most `needed` would be enough:
/// the commands, as text for Error::hint.
std::string paranoid_hint(const Permissions& permissions, int32_t needed);

/// "sudo setcap CAPABILITIES PATH" with the path of this program.
std::string setcap_command(const std::string& capabilities);

/// Raises the soft limit on open files to what is `needed`, at most to the hard limit.
/// Error: the hard limit is too low; says both numbers.
base::Status raise_file_limit(uint64_t needed);

}  // namespace oc::sys
