#include "sys/broker_rules.h"

#include <algorithm>

namespace oc::sys {

namespace {

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return parts;
}

bool is_plain(std::string_view part) {
  return !part.empty() && part != "." && part != ".." && part.find('\0') == part.npos;
}

bool is_number(std::string_view part) {
  return !part.empty() && part.size() <= 10 && part.find_first_not_of("0123456789") == part.npos;
}

bool is_one_of(std::string_view part, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), part) != names.end();
}

bool is_proc_file(std::string_view rest) {
  const auto parts = parts_of(rest);
  if (!std::all_of(parts.begin(), parts.end(), is_plain)) return false;
  if (parts.size() == 1) return is_one_of(parts[0], {"kallsyms", "modules", "iomem"});
  if (parts.size() == 2)
    return is_number(parts[0]) &&
           is_one_of(parts[1], {"maps", "comm", "status", "stat", "cgroup", "cmdline"});
  return parts.size() == 4 && is_number(parts[0]) && parts[1] == "task" && is_number(parts[2]) &&
         is_one_of(parts[3], {"comm", "status", "stat", "maps"});
}

bool is_tracing_file(std::string_view rest) {
  const auto parts = parts_of(rest);
  if (!std::all_of(parts.begin(), parts.end(), is_plain)) return false;
  if (parts.size() == 1)
    return is_one_of(parts[0], {"available_events", "printk_formats", "saved_cmdlines"});
  if (parts[0] != "events") return false;
  if (parts.size() == 2) return is_one_of(parts[1], {"header_page", "header_event"});
  return parts.size() == 4 && is_one_of(parts[3], {"format", "id"});
}

}  // namespace

bool is_brokered_file(std::string_view path, std::string_view tracing) {
  constexpr std::string_view kProc = "/proc/";
  if (path.ends_with('/')) return false;
  if (path.starts_with(kProc)) return is_proc_file(path.substr(kProc.size()));
  const bool is_below = !tracing.empty() && path.size() > tracing.size() + 1 &&
                        path.starts_with(tracing) && path[tracing.size()] == '/';
  return is_below && is_tracing_file(path.substr(tracing.size() + 1));
}

std::string refusal_of_event(const perf_event_attr& attr, uint64_t flags,
                             const std::vector<uint32_t>& pointing) {
  if (attr.sigtrap != 0) return "events that send signals";
  if (attr.remove_on_exec != 0) return "events that end with exec";
  if (std::find(pointing.begin(), pointing.end(), attr.type) != pointing.end())
    return "probes, whose places are texts in memory";
  if ((flags & ~uint64_t{PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC}) != 0)
    return "flags other than those of cgroups";
  return {};
}

}  // namespace oc::sys
