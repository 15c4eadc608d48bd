#include "sys/permissions.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "sys/broker.h"

namespace oc::sys {

namespace {

constexpr uint32_t kCapPerfmon = 38;  // Linux 5.8; older headers lack the name

uint64_t effective_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return data[0].effective | static_cast<uint64_t>(data[1].effective) << 32;
}

/// Soft RLIMIT_MEMLOCK; ~0: none.
uint64_t memlock_bytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? ~uint64_t{0} : limit.rlim_cur;
}

template <typename T>
T load_setting(const char* name, T otherwise) {
  std::ifstream file(std::string("/proc/sys/kernel/") + name);
  T value{};
  return file >> value ? value : otherwise;
}

}  // namespace

Permissions load_permissions() {
  // The broker's rights are as good as ours, but for memory of rings, which are mapped here.
  if (const Broker* broker = Broker::active()) {
    Permissions may = broker->permissions();
    may.has_ipc_lock = false;
    may.memlock_bytes = memlock_bytes();
    return may;
  }
  Permissions may;
  may.euid = geteuid();
  may.capabilities = effective_capabilities();
  const auto has = [&](uint32_t bit) { return (may.capabilities >> bit & 1) != 0; };
  may.has_sys_admin = has(CAP_SYS_ADMIN);
  may.has_perfmon = has(kCapPerfmon) || may.has_sys_admin;
  may.has_ipc_lock = has(CAP_IPC_LOCK);
  may.perf_event_paranoid = load_setting("perf_event_paranoid", may.perf_event_paranoid);
  may.perf_event_mlock_kb = load_setting("perf_event_mlock_kb", may.perf_event_mlock_kb);
  may.max_sample_rate = load_setting("perf_event_max_sample_rate", may.max_sample_rate);
  may.memlock_bytes = memlock_bytes();
  return may;
}

std::string paranoid_hint(const Permissions& permissions, int32_t needed) {
  return fmt::format(
      "kernel.perf_event_paranoid is {}: run as root, or `sysctl kernel.perf_event_paranoid={}`, "
      "or `setcap cap_perfmon+ep` on the program",
      permissions.perf_event_paranoid, needed);
}

std::string setcap_command(const std::string& capabilities) {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  const std::string program = size > 0 ? std::string(path, static_cast<size_t>(size)) : "oc";
  const bool is_plain = program.find_first_of(" '\"\\$`") == std::string::npos;
  return fmt::format("sudo setcap {} {}", capabilities,
                     is_plain ? program : "\"$(command -v oc)\"");
}

base::Status raise_file_limit(uint64_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  if (limit.rlim_max < needed) {
    return base::make_error(
        base::Code::kSystem,
        fmt::format("{} open files are needed (events times CPUs) and the limit is {}", needed,
                    limit.rlim_max),
        fmt::format("trace fewer events, or raise the limit: `ulimit -Hn {}` as root", needed));
  }
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return base::system_error(errno, "cannot raise the limit on open files");
}

}  // namespace oc::sys
