#include "sys/cgroup_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/glob.h"
#include "base/nearest.h"
#include "sys/cgroup.h"

namespace oc::sys {

namespace {

using base::Code;
using base::make_error;
using base::Result;

constexpr size_t kIdDigits = 64;  // of docker, podman, containerd, CRI-O
constexpr size_t kLeastAskedDigits = 4;
constexpr size_t kMostGroups = 100000;

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool starts_with(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 8; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > 8) text += fmt::format(" and {} more", names.size() - 8);
  return text;
}

}  // namespace

std::vector<CgroupMount> CgroupTree::mounts() const {
  std::vector<CgroupMount> mounts;
  std::ifstream file(prefix_ + "/proc/self/mounts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string device, folder, type, options;
    if (!(words >> device >> folder >> type >> options)) continue;
    if (type != "cgroup" && type != "cgroup2") continue;
    CgroupMount mount;
    mount.folder = prefix_ + folder;
    mount.is_unified = type == "cgroup2";
    if (!mount.is_unified) mount.controllers = split(options, ',');
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<CgroupMount> CgroupTree::hierarchy() const {
  const auto found = mounts();
  for (const CgroupMount& mount : found) {
    const auto& has = mount.controllers;
    if (std::find(has.begin(), has.end(), "perf_event") != has.end()) return mount;
  }
  for (const CgroupMount& mount : found) {
    if (mount.is_unified) return mount;
  }
  return make_error(
      Code::kNotFound, "no hierarchy of cgroups that perf events use is mounted",
      found.empty()
          ? "mount -t cgroup2 none /sys/fs/cgroup"
          : "only version 1 without perf_event is; mkdir /sys/fs/cgroup/perf_event && mount "
            "-t cgroup -o perf_event none /sys/fs/cgroup/perf_event");
}

std::vector<std::string> CgroupTree::all() const {
  std::vector<std::string> paths;
  const auto mount = hierarchy();
  if (!mount) return paths;
  for (Cgroup& group : scan_cgroups(mount->folder, kMostGroups))
    paths.push_back(std::move(group.path));
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<std::vector<std::string>> CgroupTree::find(const std::string& name) const {
  auto mount = hierarchy();
  if (!mount) return std::move(mount.error());
  if (name.empty())
    return make_error(Code::kUsage, "a cgroup has no name", "/ is the group of all");
  // A folder of another hierarchy is told as such: the kernel would only say that there is none.
  for (const CgroupMount& other : mounts()) {
    const bool is_other = other.folder != mount->folder && is_folder(name) &&
                          starts_with(name + "/", other.folder + "/");
    if (!is_other) continue;
    return make_error(
        Code::kUsage,
        fmt::format("cgroup '{}' is of a hierarchy that perf events do not use", name),
        fmt::format("they use {} ({}); /proc/PID/cgroup tells where a process is", mount->folder,
                    mount->is_unified ? "cgroup2" : "version 1"));
  }
  if (starts_with(name + "/", mount->folder + "/") && is_folder(name))
    return std::vector<std::string>{name};
  const std::string path = name.front() == '/' ? name : "/" + name;
  const bool leads_out = (path + "/").find("/../") != std::string::npos;
  if (!base::is_glob(name) && !leads_out && is_folder(mount->folder + path))
    return std::vector<std::string>{mount->folder + path};
  const auto paths = all();
  std::vector<std::string> found;
  for (const std::string& known : paths) {
    if (base::is_glob(name) && base::glob_matches(path, known))
      found.push_back(mount->folder + known);
  }
  if (!found.empty()) return found;
  std::string hint = base::did_you_mean(base::nearest(path, paths));
  if (hint.empty()) hint = "in " + mount->folder + " there is: " + list_of(paths);
  return make_error(Code::kNotFound, "there is no cgroup '" + name + "'", hint);
}

Result<std::vector<std::string>> CgroupTree::find_container(const std::string& name) const {
  auto mount = hierarchy();
  if (!mount) return std::move(mount.error());
  std::vector<std::string> known;
  std::vector<std::string> found;
  std::string of;
  for (const std::string& path : all()) {
    const std::string id(container_id_of(path));
    if (id.empty()) continue;
    const bool has_digits = is_hex(id) && id.size() == kIdDigits;
    known.push_back(has_digits ? id.substr(0, 12) : id);
    const bool is_prefix =
        has_digits && is_hex(name) && name.size() >= kLeastAskedDigits && starts_with(id, name);
    if (!is_prefix && id != name) continue;
    if (!of.empty() && of != id) {
      return make_error(Code::kUsage, "'" + name + "' begins the ids of several containers",
                        "write more digits: " + of + ", " + id);
    }
    // What is in a group is traced with it: only the outermost.
    const bool is_inner = !found.empty() && starts_with(mount->folder + path, found.back() + "/");
    of = id;
    if (!is_inner) found.push_back(mount->folder + path);
  }
  if (!found.empty()) return found;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  std::string hint = base::did_you_mean(base::nearest(name, known));
  if (hint.empty() && known.empty()) hint = "no group of " + mount->folder + " is a container's";
  if (hint.empty()) hint = "there are: " + list_of(known);
  if (!is_hex(name))
    hint +=
        "; a name is known to the container's program only, so give the id (docker ps, podman ps, "
        "crictl ps)";
  return make_error(Code::kNotFound, "there is no container '" + name + "'", hint);
}

}  // namespace oc::sys
