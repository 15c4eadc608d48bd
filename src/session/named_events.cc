#include "session/named_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/glob.h"
#include "base/nearest.h"
#include "perf/event_text.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Result;
using event::EventKind;

namespace {

/// "cycles" for "cycles:ppp"; what follows the last colon is a name's own unless it is only modifiers.
std::string without_modifiers(const EventKind& kind) {
  const size_t colon = kind.name.rfind(':');
  if (kind.attr.type == PERF_TYPE_TRACEPOINT || colon == std::string::npos) return kind.name;
  const bool is_all = kind.name.find_first_not_of("ukhGHIpPSDWe", colon + 1) == std::string::npos;
  return is_all ? kind.name.substr(0, colon) : kind.name;
}

/// Adds those that are not there yet: the names of a list may overlap ("sched:sched_switch,sched:*").
void add_new(std::vector<uint32_t>& kinds, const std::vector<uint32_t>& more) {
  for (const uint32_t kind : more) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
}

}  // namespace

std::vector<uint32_t> NamedEvents::find(const std::string& name) const {
  std::vector<uint32_t> kinds;
  for (uint32_t i = 0; i < events_.size(); ++i) {
    const EventKind& kind = events_[i];
    const bool by_format =
        kind.format && base::glob_matches(name, kind.format->system + ":" + kind.format->name);
    if (by_format || base::glob_matches(name, kind.name) ||
        base::glob_matches(name, without_modifiers(kind))) {
      kinds.push_back(i);
    }
  }
  return kinds;
}

/// A name as it was recorded; otherwise a list or group of names, or a system call.
Result<std::vector<uint32_t>> NamedEvents::resolve(const std::string& name,
                                                   const std::string& trace,
                                                   bool how_to_record) const {
  auto kinds = find(name);
  if (!kinds.empty()) return kinds;
  std::vector<std::string> parts;
  if (name.rfind("syscall:", 0) == 0) {
    const std::string call = name.substr(8);
    for (const char* part : {"enter", "exit"}) {
      const std::string prefix = call == "*" ? "raw_syscalls:sys_" : "syscalls:sys_";
      parts.push_back(prefix + part + (call == "*" ? "" : "_" + call));
    }
  } else if (name.find_first_of(",{") != std::string::npos) {
    auto events = perf::parse_event_list(name);
    if (!events) return std::move(events.error());
    for (const auto& event : *events) parts.push_back(event.text);
  }
  for (const std::string& part : parts) {
    const auto found = find(part);
    if (found.empty()) return no_such_event(part, trace, how_to_record);
    add_new(kinds, found);
  }
  if (kinds.empty()) return no_such_event(name, trace, how_to_record);
  return kinds;
}

base::Error NamedEvents::no_such_event(const std::string& name, const std::string& trace,
                                       bool how_to_record) const {
  const auto held = names("*");
  std::string list;
  for (size_t i = 0; i < held.size() && i < 12; ++i) list += (i == 0 ? "" : ", ") + held[i];
  if (held.size() > 12) list += fmt::format(" and {} more", held.size() - 12);
  auto near = base::nearest(name, held);
  for (const std::string& each : held) {  // sched_switch is sched:sched_switch
    if (each.size() > name.size() && each.ends_with(":" + name)) near = {each};
  }
  std::string hint = base::did_you_mean(near);
  if (hint.empty() && how_to_record)
    hint = "record it with: oc record -a -e '" + name + "' -o FILE";
  return make_error(Code::kNotFound,
                    fmt::format("{} has no event '{}'; it holds: {}", trace, name, list), hint);
}

std::vector<std::string> NamedEvents::names(const std::string& glob) const {
  std::vector<std::string> found;
  for (uint32_t i = 0; i < events_.size(); ++i) {
    const bool is_own =
        events_[i].name.rfind("dummy:", 0) == 0;  // what oc record's rings are made of
    if (!is_own && base::glob_matches(glob, events_[i].name)) found.push_back(events_[i].name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace oc::session
