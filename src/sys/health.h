#pragma once

#include <string>
#include <vector>

#include "sys/finding.h"
#include "sys/permissions.h"

namespace oc::sys {

/// The state of what the kernel tells in files and limits: user, container, lockdown, tracefs, kernel
/// symbols, BPF, BTF, stacks, cgroups, tools. What can be tried is tried: files are read, a program of
/// two instructions is given to bpf(). A few milliseconds.
std::vector<Finding> examine_system(const Permissions& permissions);

// The parts that depend on the text of a file, for tests.

/// `text` is that of /sys/kernel/security/lockdown, "none [integrity] confidentiality"; "" when the
/// kernel has no such file.
Finding judge_lockdown(const std::string& text);
/// `status` is the text of /proc/self/status: its Seccomp line.
Finding judge_container(const std::string& status, bool has_host_pids, bool has_host_users);

}  // namespace oc::sys
