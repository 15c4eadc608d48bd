#include "sys/tracefs.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "base/nearest.h"
#include "sys/broker.h"
#include "sys/mounts.h"

namespace oc::sys {

namespace {

using base::Code;
using base::Error;
using base::make_error;
using base::Result;

constexpr const char* kMountHint = "mount it: mount -t tracefs nodev /sys/kernel/tracing";
constexpr const char* kRootHint =
    "run as root: only root may read tracefs (oc doctor shows how to let others)";

/// A whole file of a pseudo file system, whose size is not known beforehand.
Result<std::string> read_file(const std::string& path) {
  const base::Fd fd = open_system_file(path);
  if (!fd) return base::system_error(errno, "cannot read " + path);
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd.number(), buffer, sizeof buffer);
    if (count == 0) return text;
    if (count > 0) text.append(buffer, static_cast<size_t>(count));
    if (count < 0 && errno != EINTR) return base::system_error(errno, "cannot read " + path);
  }
}

/// The names in a folder, without those that begin with a dot.
Result<std::vector<std::string>> folder_names(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return base::system_error(errno, "cannot list " + path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

/// "system:name" in two non-empty parts that cannot leave their folder.
bool is_event_name(std::string_view event) {
  const auto colon = event.find(':');
  return colon != event.npos && colon > 0 && colon + 1 < event.size() && event[0] != '.' &&
         event[colon + 1] != '.' && event.find_first_of(std::string_view("/\0", 2)) == event.npos;
}

}  // namespace

Result<std::string> find_tracefs(const std::string& prefix) {
  std::vector<std::string> folders = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
  if (const auto mounts = read_file(prefix + "/proc/self/mounts")) {
    const auto more = mounted_folders(*mounts, "tracefs");
    folders.insert(folders.end(), more.begin(), more.end());
  }
  for (const std::string& folder : folders) {
    const std::string events = prefix + folder + "/events";
    if (::access(events.c_str(), R_OK | X_OK) == 0) return prefix + folder;
    if (errno == EACCES || errno == EPERM) {
      const int refused = errno;
      if (Broker::active() != nullptr && open_system_file(prefix + folder + "/available_events"))
        return prefix + folder;
      return base::system_error(refused, "cannot read " + events, kRootHint);
    }
  }
  return make_error(Code::kNotFound, "tracefs is not mounted, so the kernel's events are unknown",
                    kMountHint);
}

Result<std::vector<std::string>> Tracefs::all_events() const {
  std::vector<std::string> events;
  // One small file lists all but the events of ftrace itself, which perf cannot open anyway.
  if (const auto text = read_file(root_ + "/available_events")) {
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (is_event_name(line)) events.emplace_back(line);
    }
    std::sort(events.begin(), events.end());
    return events;
  }
  auto systems = folder_names(root_ + "/events");
  if (!systems) {
    systems.error().hint = systems.error().code == Code::kPermission ? kRootHint : kMountHint;
    return std::move(systems.error());
  }
  for (const std::string& system : *systems) {
    const auto names = folder_names(root_ + "/events/" + system);
    if (!names) continue;  // header_page and other files
    for (const std::string& name : *names) {
      const std::string path = root_ + "/events/" + system + "/" + name + "/format";
      if (::access(path.c_str(), F_OK) == 0) events.push_back(system + ":" + name);
    }
  }
  std::sort(events.begin(), events.end());
  return events;
}

Result<std::vector<std::string>> Tracefs::list_events(const std::string& glob) const {
  auto events = all_events();
  if (!events || glob == "*") return events;
  const bool has_system = glob.find(':') != std::string::npos;
  std::erase_if(*events, [&](const std::string& event) {
    const char* text = event.c_str() + (has_system ? 0 : event.find(':') + 1);
    return ::fnmatch(glob.c_str(), text, 0) != 0;
  });
  return events;
}

Result<event::EventFormat> Tracefs::load_format(std::string_view event) const {
  if (!is_event_name(event)) return unknown_event(event);
  const std::string system(event.substr(0, event.find(':')));
  const std::string path =
      root_ + "/events/" + system + "/" + std::string(event.substr(system.size() + 1)) + "/format";
  auto text = read_file(path);
  if (!text) {
    if (text.error().code == Code::kNotFound) return unknown_event(event);
    if (text.error().code == Code::kPermission) text.error().hint = kRootHint;
    return std::move(text.error());
  }
  return event::parse_format(*text, system, sizeof(long));
}

Error Tracefs::unknown_event(std::string_view event) const {
  const auto events = all_events();
  if (!events) return events.error();
  Error error = make_error(Code::kNotFound, "there is no event \"" + std::string(event) + "\"");
  std::vector<std::string> near = base::nearest(event, *events);
  if (near.empty()) {
    // The name may be right and the system wrong or missing.
    const auto name = event.substr(event.find(':') == event.npos ? 0 : event.find(':') + 1);
    for (const std::string& known : *events) {
      const std::string_view known_name = std::string_view(known).substr(known.find(':') + 1);
      if (near.size() < 3 && base::edit_distance(name, known_name, 1) <= 1) near.push_back(known);
    }
  }
  error.hint = base::did_you_mean(near);
  if (near.empty()) error.hint = "events are named system:name, as in sched:sched_switch";
  return error;
}

}  // namespace oc::sys
