#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::sys {

/// A mounted hierarchy of cgroups.
struct CgroupMount {
  std::string folder;       ///< where it is mounted
  bool is_unified = false;  ///< cgroup2
  /// Of version 1: "perf_event", "name=systemd".
  std::vector<std::string> controllers;
};

/// Control groups as perf events know them: those of the hierarchy that has the perf_event controller.
/// That is cgroup2 unless a version 1 hierarchy was mounted with it. `prefix` goes before every path,
/// for tests.
class CgroupTree {
 public:
  explicit CgroupTree(std::string prefix = {}) : prefix_(std::move(prefix)) {}

  std::vector<CgroupMount> mounts() const;
  /// Error: no hierarchy serves; says what is mounted.
  base::Result<CgroupMount> hierarchy() const;

  /// The folder of a group: given by its path in the hierarchy ("/system.slice/ssh.service", with or
  /// without the slash), by the path of its folder, or by a glob of paths, then several. Errors name
  /// the nearest groups.
  base::Result<std::vector<std::string>> find(const std::string& name) const;

  /// The folders of a container's groups, by its id or the beginning of it (at least 4 digits), or by
  /// a name that its group has: docker, podman, containerd, CRI-O, Kubernetes, LXC, systemd-nspawn.
  /// Errors name the containers that there are.
  base::Result<std::vector<std::string>> find_container(const std::string& name) const;

  /// Paths of all groups in the hierarchy, "/" first.
  std::vector<std::string> all() const;

 private:
  std::string prefix_;
};

}  // namespace oc::sys
