#include "sys/health.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "sys/cgroup.h"
#include "sys/drop.h"
#include "sys/files.h"
#include "sys/memory_limit.h"
#include "sys/proc.h"
#include "sys/tracefs.h"

namespace oc::sys {

namespace {

using State = Finding::State;

int read_number(const std::string& path, int otherwise) {
  std::ifstream file(path);
  int value = 0;
  return file >> value ? value : otherwise;
}

Finding judge_user(const Permissions& permissions) {
  constexpr std::array<std::pair<int, const char*>, 9> kWatched = {
      {{CAP_SYS_ADMIN, "sys_admin"},
       {38, "perfmon"},
       {39, "bpf"},
       {CAP_SYS_PTRACE, "sys_ptrace"},
       {CAP_DAC_READ_SEARCH, "dac_read_search"},
       {CAP_DAC_OVERRIDE, "dac_override"},
       {CAP_SYSLOG, "syslog"},
       {CAP_IPC_LOCK, "ipc_lock"},
       {CAP_SYS_RESOURCE, "sys_resource"}}};
  std::string held;
  size_t count = 0;
  for (const auto& [bit, name] : kWatched) {
    if ((permissions.capabilities >> bit & 1) == 0) continue;
    held += (count++ == 0 ? "" : ", ") + std::string(name);
  }
  Finding finding;
  finding.name = "user";
  finding.value = permissions.euid == 0 ? "root" : fmt::format("uid {}", permissions.euid);
  if (const Dropped& now = dropped(); !now.name.empty()) {
    finding.value =
        fmt::format("{} (uid {}), without capabilities; process {} opens events for it, {}",
                    now.name, now.uid, now.broker_pid, finding.value);
  }
  if (count == kWatched.size()) {
    finding.value += ", all capabilities that tracing uses";
  } else {
    finding.value +=
        count == 0 ? ", no capability that tracing uses" : ", of capabilities: " + held;
  }
  return finding;
}

/// Who runs scripts, and what they may take.
Finding judge_scripts(const Permissions& permissions) {
  Finding finding;
  finding.name = "scripts";
  const double limit = static_cast<double>(load_memory_bytes()) * 0.75 / (uint64_t{1} << 30);
  const bool has_rights = permissions.capabilities != 0 && dropped().name.empty();
  finding.value = fmt::format(
      "run {}; memory up to {:.1f} GiB (--memory)",
      has_rights ? "with all these rights (--user NAME takes them away)" : "without rights", limit);
  return finding;
}

Finding judge_tracefs() {
  Finding finding;
  finding.name = "tracefs";
  const auto root = find_tracefs();
  if (!root) {
    finding.state = State::kMissing;
    finding.value = root.error().what;
    finding.meaning = "no tracepoints: sched:*, syscalls:*, block:* and all others";
    finding.fix = access("/sys/kernel/tracing/events", F_OK) != 0 && errno == EACCES
                      ? "sudo mount -o remount,mode=750,gid=$(id -g) /sys/kernel/tracing"
                      : "sudo mount -t tracefs nodev /sys/kernel/tracing";
    return finding;
  }
  const auto format = Tracefs(*root).load_format("sched:sched_switch");
  finding.value = *root;
  if (format) return finding;
  finding.state = State::kMissing;
  finding.value = format.error().what;
  finding.meaning = "no tracepoints: sched:*, syscalls:*, block:* and all others";
  finding.fix = fmt::format("sudo mount -o remount,mode=750,gid=$(id -g) {}", *root);
  return finding;
}

/// Whether /proc/kallsyms shows addresses: they are all 0 to who may not see them.
Finding judge_kernel_symbols(const Permissions& permissions) {
  Finding finding;
  finding.name = "kernel symbols";
  finding.value = "/proc/kallsyms";
  std::istringstream file(oc::sys::read_text("/proc/kallsyms", 4096));
  std::string line;
  for (int i = 0; i < 50 && std::getline(file, line); ++i) {
    if (std::strtoull(line.c_str(), nullptr, 16) != 0) return finding;
  }
  finding.state = State::kLimited;
  if (line.empty()) {
    finding.value = "/proc/kallsyms cannot be read";
    finding.meaning = "addresses of the kernel stay numbers";
    return finding;
  }
  const int restrict_level = read_number("/proc/sys/kernel/kptr_restrict", 0);
  finding.value = fmt::format("/proc/kallsyms hides the addresses (kernel.kptr_restrict is {})",
                              restrict_level);
  finding.meaning = "addresses of the kernel stay numbers";
  // kernel/ksyms_common.c: 0 shows them where perf_event_paranoid is at most 1, 1 with CAP_SYSLOG, 2 never.
  const bool has_syslog = (permissions.capabilities >> CAP_SYSLOG & 1) != 0;
  finding.fix = has_syslog ? "sudo sysctl kernel.kptr_restrict=1"
                : restrict_level == 0
                    ? "sudo sysctl kernel.perf_event_paranoid=1"
                    : "sudo sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1";
  return finding;
}

/// Loads "return 0" as a program for tracepoints. Source of the layout: linux/bpf.h.
int try_bpf() {
  const bpf_insn program[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                              {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_TRACEPOINT;
  attr.insn_cnt = 2;
  attr.insns = reinterpret_cast<uintptr_t>(program);
  attr.license = reinterpret_cast<uintptr_t>("GPL");
  const base::Fd fd(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  return fd ? 0 : errno;
}

Finding judge_bpf() {
  Finding finding;
  finding.name = "bpf";
  const int failure = try_bpf();
  finding.value = "programs for tracepoints can be loaded";
  if (failure == 0) return finding;
  finding.state = State::kLimited;
  finding.meaning = "events take the kernel's perf rings, which cost the traced program more";
  finding.value = fmt::format("bpf() refuses a program: {}", std::strerror(failure));
  if (failure == ENOSYS) {
    finding.value = "this kernel was built without bpf()";
    return finding;
  }
  const int is_disabled = read_number("/proc/sys/kernel/unprivileged_bpf_disabled", 0);
  finding.value += fmt::format(" (kernel.unprivileged_bpf_disabled is {})", is_disabled);
  if (!dropped().name.empty()) return finding;  // it was given up
  if (failure == EPERM) finding.fix = setcap_command("cap_perfmon,cap_bpf+ep");
  return finding;
}

Finding judge_btf() {
  Finding finding;
  finding.name = "btf";
  finding.value = "/sys/kernel/btf/vmlinux";
  const base::Fd fd(open(finding.value.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) return finding;
  finding.state = State::kLimited;
  finding.value += std::string(": ") + std::strerror(errno);
  finding.meaning = "types of the kernel are not known: its structures cannot be read by name";
  return finding;
}

Finding judge_stacks() {
  Finding finding;
  finding.name = "stacks";
  constexpr int kDefault = 127;  // PERF_MAX_STACK_DEPTH
  const int depth = read_number("/proc/sys/kernel/perf_event_max_stack", kDefault);
  finding.value = fmt::format("up to {} frames", depth);
  if (depth >= kDefault) return finding;
  finding.state = State::kLimited;
  finding.meaning = "deeper stacks are cut off";
  finding.fix = fmt::format("sudo sysctl kernel.perf_event_max_stack={}", kDefault);
  return finding;
}

Finding judge_processes(const Permissions& permissions) {
  Finding finding;
  finding.name = "processes";
  finding.value = "all processes of /proc can be seen";
  const bool is_hidden = access("/proc/1/comm", R_OK) != 0;
  const int ptrace_scope = read_number("/proc/sys/kernel/yama/ptrace_scope", 0);
  const bool has_ptrace = (permissions.capabilities >> CAP_SYS_PTRACE & 1) != 0;
  if (is_hidden) {
    finding.state = State::kLimited;
    finding.value = "/proc hides the processes of others";
    finding.meaning = "threads that run already have no names; those that begin later do";
    finding.fix = "sudo mount -o remount,hidepid=0 /proc";
  } else if (!has_ptrace && ptrace_scope > 0) {
    finding.value +=
        fmt::format(", their memory cannot be read (kernel.yama.ptrace_scope is {})", ptrace_scope);
  } else if (!has_ptrace) {
    finding.value += ", files mapped by those of other users cannot be listed";
  }
  return finding;
}

Finding judge_cgroups() {
  Finding finding;
  finding.name = "cgroups";
  const auto root = find_cgroup2();
  if (root) {
    finding.value = *root;
    return finding;
  }
  finding.state = State::kLimited;
  finding.value = root.error().what;
  finding.meaning = "processes cannot be chosen by cgroup or container";
  finding.fix = "sudo mount -t cgroup2 nodev /sys/fs/cgroup";
  return finding;
}

/// Programs that serve beside oc; oc needs none of them.
Finding list_tools() {
  Finding finding;
  finding.name = "tools";
  const char* path = std::getenv("PATH");
  for (const char* tool : {"perf", "bpftool", "readelf", "addr2line", "gdb"}) {
    std::istringstream folders(path == nullptr ? "" : path);
    std::string folder;
    while (std::getline(folders, folder, ':')) {
      if (access((folder + "/" + tool).c_str(), X_OK) != 0) continue;
      finding.value += (finding.value.empty() ? "" : ", ") + std::string(tool);
      break;
    }
  }
  if (finding.value.empty()) finding.value = "none";
  finding.value += " (oc needs none)";
  return finding;
}

}  // namespace

Finding judge_lockdown(const std::string& text) {
  Finding finding;
  finding.name = "lockdown";
  finding.value = "none";
  const size_t begin = text.find('[');
  const size_t end = text.find(']', begin == text.npos ? 0 : begin);
  if (begin == text.npos || end == text.npos) return finding;
  finding.value = text.substr(begin + 1, end - begin - 1);
  if (finding.value != "confidentiality") return finding;
  finding.state = State::kMissing;
  finding.meaning =
      "the kernel refuses tracepoints, kernel addresses and reads of kernel memory, to root too; "
      "boot without "
      "lockdown=confidentiality";
  return finding;
}

Finding judge_container(const std::string& status, bool has_host_pids, bool has_host_users) {
  Finding finding;
  finding.name = "container";
  constexpr std::string_view kSeccomp = "\nSeccomp:\t2";  // SECCOMP_MODE_FILTER
  std::string found;
  const auto add = [&](const char* what) {
    found += (found.empty() ? "" : ", ") + std::string(what);
  };
  if (!has_host_pids) add("a pid namespace");
  if (!has_host_users) add("a user namespace");
  if (status.find(kSeccomp) != status.npos) add("a seccomp filter");
  finding.value = found.empty() ? "none" : found;
  if (has_host_pids && has_host_users) return finding;
  finding.state = State::kLimited;
  if (!has_host_users) {
    finding.meaning = "capabilities held in it do not count for tracing: run oc outside";
  } else {
    finding.meaning =
        "thread ids in fields of tracepoints are the host's, and the host's processes have no "
        "names";
    finding.fix = "docker run --pid=host --privileged IMAGE oc doctor";
  }
  return finding;
}

std::vector<Finding> examine_system(const Permissions& permissions) {
  return {
      judge_user(permissions),
      judge_scripts(permissions),
      judge_container(read_text("/proc/self/status"), in_initial_pid_namespace(),
                      in_initial_user_namespace()),
      judge_lockdown(read_text("/sys/kernel/security/lockdown")),
      judge_tracefs(),
      judge_kernel_symbols(permissions),
      judge_stacks(),
      judge_processes(permissions),
      judge_cgroups(),
      judge_bpf(),
      judge_btf(),
      list_tools(),
  };
}

}  // namespace oc::sys
