#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::sys {

/// A control group as the kernel's records name it: the id is the inode of its folder in the
/// cgroup2 tree, which PERF_SAMPLE_CGROUP and PERF_RECORD_CGROUP carry.
struct Cgroup {
  uint64_t id = 0;
  std::string path;  ///< from the tree's root: "/" or "/system.slice/ssh.service"
};

/// Where a process belongs.
struct ProcessCgroup {
  std::string
      path;  ///< in the cgroup2 tree, or where there is none in that of systemd; "": not known
  std::string container;  ///< "" outside of one; see container_name_of
};

/// Reads the text of /proc/PID/cgroup: lines "0::/path" (cgroup2) and "4:memory:/path". The container
/// is looked for in all of them: a hybrid system may leave cgroup2's path at "/".
/// Source: man 7 cgroups.
ProcessCgroup parse_process_cgroup(std::string_view text);
/// The same of a living process; both empty when it has gone. `proc` is for tests.
ProcessCgroup load_process_cgroup(int32_t pid, const std::string& proc = "/proc");

/// The container that a path belongs to, as its runtime's tools show it: the first 12 digits of the
/// id that docker, podman, containerd, cri-o and kubernetes put there, or the name of an lxc or
/// nspawn container. The innermost wins; "" when there is none. Lent: part of `path`.
std::string_view container_name_of(std::string_view path);
/// The whole id or name.
std::string_view container_id_of(std::string_view path);

/// Where the cgroup2 tree is mounted: /sys/fs/cgroup, /sys/fs/cgroup/unified, or wherever the mount
/// table says. Error: nowhere; the hint is the command to type.
base::Result<std::string> find_cgroup2(const std::string& mounts = "/proc/self/mounts");
/// All groups under `root` (what find_cgroup2 returned), parents first, at most `most`.
std::vector<Cgroup> scan_cgroups(const std::string& root, size_t most = 1 << 16);
/// The id of the group with this folder; 0 when there is no such folder.
uint64_t load_cgroup_id(const std::string& folder);

}  // namespace oc::sys
