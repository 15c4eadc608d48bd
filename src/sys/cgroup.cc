#include "sys/cgroup.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>

#include "sys/mounts.h"

namespace oc::sys {

namespace {

constexpr size_t kShownDigits = 12;  // as docker ps and podman ps
constexpr size_t kLeastDigits = 32;  // of an id that has no runtime's name before it

/// Takes everything up to `end` off the front of `text`, and `end` too.
std::string_view take_until(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const auto taken = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return taken;
}

size_t hex_digits(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_hex) - text.begin());
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

/// What one part of a path says: "docker-<id>.scope", "libpod-<id>", "cri-containerd-<id>.scope",
/// "…slice:cri-containerd:<id>", "<id>" alone (docker and kubernetes without systemd),
/// "lxc.payload.NAME", "machine-NAME.scope" (nspawn). Monitors ("crio-conmon-<id>") are outside.
std::string_view container_in(std::string_view part) {
  const bool is_scope = drop_suffix(part, ".scope");
  for (const std::string_view prefix : {"lxc.payload.", "machine-"}) {
    const bool fits = part.starts_with(prefix) && part.size() > prefix.size();
    if (fits && (is_scope || prefix.front() == 'l')) return part.substr(prefix.size());
  }
  if (part.find("conmon") != part.npos) return {};
  const size_t at = part.find_last_of(":-");
  const auto id = at == part.npos ? part : part.substr(at + 1);
  const size_t least = at == part.npos ? kLeastDigits : kShownDigits;
  if (hex_digits(id) != id.size() || id.size() < least) return {};
  if (at == part.npos) return id;
  const auto runtime = part.substr(0, at);
  constexpr std::array<std::string_view, 8> kRuntimes = {
      "docker", "libpod", "cri-containerd", "crio", "containerd", "nerdctl", "podman", "buildkit"};
  for (const auto known : kRuntimes) {
    if (runtime.ends_with(known)) return id;
  }
  return {};
}

/// Rank of a hierarchy of /proc/PID/cgroup, the best first: cgroup2, then where systemd or a runtime
/// puts every process.
size_t rank_of(std::string_view number, std::string_view controllers) {
  if (number == "0" && controllers.empty()) return 0;
  if (controllers == "name=systemd") return 1;
  if (controllers == "memory") return 2;
  return 3;
}

}  // namespace

ProcessCgroup parse_process_cgroup(std::string_view text) {
  ProcessCgroup found;
  size_t best = SIZE_MAX;
  size_t best_container = SIZE_MAX;
  while (!text.empty()) {
    auto line = take_until(text, '\n');
    const auto number = take_until(line, ':');
    const auto controllers = take_until(line, ':');
    if (!line.starts_with('/')) continue;
    const size_t rank = rank_of(number, controllers);
    if (rank < best) {
      best = rank;
      found.path = line;
    }
    const auto container = container_name_of(line);
    if (!container.empty() && rank < best_container) {
      best_container = rank;
      found.container = container;
    }
  }
  return found;
}

ProcessCgroup load_process_cgroup(int32_t pid, const std::string& proc) {
  std::ifstream file(fmt::format("{}/{}/cgroup", proc, pid));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return parse_process_cgroup(text);
}

std::string_view container_id_of(std::string_view path) {
  std::string_view innermost;
  std::string_view parent;
  while (!path.empty()) {
    const auto part = take_until(path, '/');
    auto id = container_in(part);
    if (id.empty() && parent == "lxc") id = part;  // cgroup v1: /lxc/NAME
    if (!id.empty()) innermost = id;
    if (!part.empty()) parent = part;
  }
  return innermost;
}

std::string_view container_name_of(std::string_view path) {
  const auto id = container_id_of(path);
  const bool is_id = id.size() >= kLeastDigits && hex_digits(id) == id.size();
  return is_id ? id.substr(0, kShownDigits) : id;
}

base::Result<std::string> find_cgroup2(const std::string& mounts) {
  std::ifstream file(mounts);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto folders = mounted_folders(text, "cgroup2");
  if (!folders.empty()) return folders.front();
  return base::make_error(base::Code::kNotFound, "no cgroup2 tree is mounted here",
                          "mount it: mount -t cgroup2 none /sys/fs/cgroup");
}

uint64_t load_cgroup_id(const std::string& folder) {
  struct stat info {};
  return stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) ? info.st_ino : 0;
}

std::vector<Cgroup> scan_cgroups(const std::string& root, size_t most) {
  std::vector<Cgroup> found;
  if (const uint64_t id = load_cgroup_id(root); id != 0) found.push_back({id, "/"});
  // Found groups are the queue: `at` goes through them while their children are added.
  for (size_t at = 0; at < found.size(); ++at) {
    const std::string path = at == 0 ? "" : found[at].path;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir((root + path).c_str()), closedir);
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      if (found.size() >= most) return found;
      found.push_back({entry->d_ino, fmt::format("{}/{}", path, name)});
    }
  }
  return found;
}

}  // namespace oc::sys
