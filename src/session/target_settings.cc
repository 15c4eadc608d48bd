#include "session/target_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/glob.h"
#include "sys/cgroup_tree.h"
#include "sys/cpus.h"

namespace oc::session {

namespace {

using base::Code;
using base::make_error;
using base::Status;

constexpr size_t kMaxComm = 15;  // TASK_COMM_LEN without the NUL

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

Status add_numbers(const std::string& text, const char* what, std::vector<int32_t>& numbers) {
  for (const std::string& part : split(text)) {
    int32_t number = 0;
    const char* end = part.data() + part.size();
    const auto parsed = std::from_chars(part.data(), end, number);
    if (part.empty() || parsed.ptr != end || parsed.ec != std::errc() || number <= 0) {
      return make_error(Code::kUsage, fmt::format("'{}' is no {} id", part, what),
                        fmt::format("as in 1234,5678; --comm takes names", what));
    }
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end())
      numbers.push_back(number);
  }
  return {};
}

Status add_cpus(const std::string& text, std::vector<int32_t>& cpus) {
  auto parsed = sys::parse_cpu_list(text);
  if (!parsed || parsed->empty()) {
    return make_error(Code::kUsage, "'" + text + "' is no list of CPUs", "as in 0,2-3");
  }
  cpus.insert(cpus.end(), parsed->begin(), parsed->end());
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return {};
}

Status add_names(const std::string& text, std::vector<std::string>& names) {
  for (std::string& name : split(text)) {
    if (name.empty())
      return make_error(Code::kUsage, "a process name is empty", "as in nginx,php*");
    // The kernel keeps so much of a name, and its records have no more.
    if (!base::is_glob(name) && name.size() > kMaxComm) name.resize(kMaxComm);
    names.push_back(std::move(name));
  }
  return {};
}

Status add_groups(base::Result<std::vector<std::string>> found, std::vector<std::string>& groups) {
  if (!found) return std::move(found.error());
  for (std::string& folder : *found) {
    if (std::find(groups.begin(), groups.end(), folder) == groups.end())
      groups.push_back(std::move(folder));
  }
  return {};
}

Status clash(const char* what, const char* hint) {
  return make_error(Code::kUsage, std::string(what) + " do not go together", hint);
}

}  // namespace

Status add_target(std::string_view kind, const std::string& text, perf::Target& target) {
  if (kind == "pid") return add_numbers(text, "process", target.pids);
  if (kind == "tid") return add_numbers(text, "thread", target.tids);
  if (kind == "cpu") return add_cpus(text, target.cpus);
  if (kind == "comm") return add_names(text, target.comms);
  if (kind == "all") {
    target.is_system = true;
    return {};
  }
  if (kind == "here") {
    target.is_chosen_here = true;
    return {};
  }
  if (kind != "cgroup" && kind != "container")
    return make_error(Code::kUsage, "a target cannot be a '" + std::string(kind) + "'");
  for (const std::string& name : split(text)) {
    auto found =
        kind == "cgroup" ? sys::CgroupTree().find(name) : sys::CgroupTree().find_container(name);
    if (auto status = add_groups(std::move(found), target.cgroups); !status) return status;
  }
  return {};
}

Status check_target(const perf::Target& target, bool has_command, bool is_recorded) {
  const bool has_groups = !target.cgroups.empty();
  if (is_recorded && has_groups) {
    return make_error(Code::kUsage, "a recorded trace cannot be narrowed to a cgroup or container",
                      "narrow it when it is recorded; by --comm, --pid, --tid and --cpu it can be");
  }
  if (target.has_tasks() && has_command)
    return clash("processes that run already (-p, -t) and a command (--)", "leave out one of them");
  if (target.has_tasks() && has_groups)
    return clash("processes (-p, -t) and cgroups or containers", "leave out one of them");
  if (has_groups && has_command)
    return clash("cgroups or containers and a command (--)",
                 "the command is in the group where it is started; to end with it, use -d");
  if (target.is_system && target.has_tasks())
    return clash("the whole system (-a) and processes (-p, -t)", "leave out one of them");
  if (target.is_system && has_groups)
    return clash("the whole system (-a) and cgroups or containers", "leave out one of them");
  return {};
}

}  // namespace oc::session
