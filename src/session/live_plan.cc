#include "session/live_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/glob.h"
#include "base/nearest.h"
#include "perf/attr_builder.h"
#include "perf/event_lookup.h"
#include "sys/tracefs.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;
using perf::EventRequest;
using perf::EventText;

namespace {

constexpr std::string_view kSyscall = "syscall:";
constexpr std::string_view kEnter = "syscalls:sys_enter_";
constexpr std::string_view kExit = "syscalls:sys_exit_";

Result<sys::Tracefs> open_tracefs() {
  auto root = sys::find_tracefs();
  if (!root) return std::move(root.error());
  return sys::Tracefs(std::move(*root));
}

/// An event of the scheduler is made in the context of one thread but is about two: leaving out those
/// made in our own would lose the other's switch or wake-up.
bool is_about_others(const event::EventFormat& format) { return format.system == "sched"; }

bool starts_with(const std::string& text, std::string_view with) {
  return text.compare(0, with.size(), with) == 0;
}

bool same_event(const EventRequest& a, const EventRequest& b) {
  return a.type == b.type && a.config == b.config && a.config1 == b.config1 &&
         a.config2 == b.config2 && a.bp_type == b.bp_type && a.group == b.group &&
         a.modifiers.letters == b.modifiers.letters && a.frequency_hz == b.frequency_hz &&
         a.period == b.period && a.with_address == b.with_address && a.stacks == b.stacks &&
         a.parts == b.parts && a.cpus == b.cpus;
}

/// What `oc` will know later; until then its name must not be taken apart as something else.
Status refuse_probes(const std::string& name) {
  for (const char* kind : {"uprobe:", "uretprobe:", "usdt:", "bpf:", "kprobe:"}) {
    if (starts_with(name, kind)) {
      return make_error(Code::kUnsupported, "'" + name + "' cannot be asked for yet",
                        "oc list events shows what can");
    }
  }
  return {};
}

/// Names of system calls that the kernel has tracepoints for.
std::vector<std::string> syscall_names() {
  std::vector<std::string> names;
  const auto tracefs = open_tracefs();
  const auto listed = tracefs ? tracefs->list_events(std::string(kEnter) + "*")
                              : Result<std::vector<std::string>>(std::vector<std::string>());
  if (!listed) return names;
  for (const std::string& name : *listed) names.push_back(name.substr(kEnter.size()));
  return names;
}

}  // namespace

Result<std::vector<uint32_t>> LivePlan::resolve(const std::string& text,
                                                const LiveSettings& settings) {
  if (starts_with(text, kSyscall)) return resolve_syscalls(text.substr(kSyscall.size()), settings);
  if (auto status = refuse_probes(text); !status) return std::move(status.error());
  for (const Group& group : groups_) {
    if (group.text == text) return group.indexes;
  }
  auto events = perf::parse_event_list(text);
  if (!events) return std::move(events.error());
  std::vector<Requests> found;
  for (const EventText& event : *events) {
    auto requests = look_up(event, settings);
    if (!requests) return std::move(requests.error());
    found.push_back(std::move(*requests));
  }
  if (auto status = number_groups(*events, found); !status) return std::move(status.error());
  std::vector<uint32_t> indexes;
  bool has_group = false;
  for (Requests& requests : found) {
    for (EventRequest& request : requests) {
      has_group |= request.group != 0;
      indexes.push_back(add(std::move(request)));
    }
  }
  if (has_group) groups_.push_back({text, indexes});
  return indexes;
}

/// Each group of the list gets a number of its own; its first event leads.
Status LivePlan::number_groups(const std::vector<EventText>& events, std::vector<Requests>& found) {
  uint32_t last = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const uint32_t group = events[i].group;
    if (group == 0) continue;
    if (found[i].size() != 1) {
      return make_error(
          Code::kUsage,
          fmt::format("'{}' is {} events, and stands in a group", events[i].text, found[i].size()),
          "name each of them, or leave out the braces");
    }
    EventRequest& request = found[i].front();
    request.is_leader = group != last;
    if (request.is_leader) ++group_count_;
    request.group = group_count_;
    last = group;
    if (request.is_read_only()) {
      request.frequency_hz = request.period = 0;
      request.stacks = {};
    }
  }
  return {};
}

Result<LivePlan::Requests> LivePlan::look_up(const EventText& event, const LiveSettings& settings) {
  auto found = perf::look_up_event(event, pmus_);
  if (!found) return found;
  if (found->empty()) {
    const bool is_plain = event.name.find(':') == std::string::npos && !base::is_glob(event.name);
    if (is_plain) return no_such_event(event.name);
    found = look_up_tracepoints(event);
  }
  if (!found) return found;
  for (EventRequest& request : *found) {
    if (auto status = finish(event, settings, request); !status) return std::move(status.error());
  }
  return found;
}

/// What the run adds to an event, and what the event says itself.
Status LivePlan::finish(const EventText& event, const LiveSettings& settings,
                        EventRequest& request) const {
  const uint64_t period = settings.period > 1 ? settings.period : sampling_.period;
  request.period = std::max<uint64_t>(1, period);
  if (perf::is_rate(request) && (settings.frequency_hz != 0 || period == 0))
    request.frequency_hz = settings.frequency_hz != 0 ? settings.frequency_hz : kDefaultHz;
  request.parts = sampling_.parts & ~uint64_t{PERF_SAMPLE_ADDR};
  request.with_address |=
      settings.with_address || perf::is_fault(request) || (sampling_.parts & PERF_SAMPLE_ADDR) != 0;
  request.is_optional |= settings.is_optional;
  request.stacks = sampling_.stacks;
  auto rest = perf::apply_run_terms(event, request);
  return rest ? Status() : Status(std::move(rest.error()));
}

base::Error LivePlan::no_such_event(const std::string& name) const {
  const auto with_system = names("*:" + name);
  const std::string hint =
      base::did_you_mean(with_system.empty() ? base::nearest(name, names("*")) : with_system);
  return make_error(Code::kNotFound, "there is no event '" + name + "'",
                    hint.empty() ? "oc list events shows those of this machine" : hint);
}

Result<LivePlan::Requests> LivePlan::look_up_tracepoints(const EventText& text) const {
  const std::string& name = text.name;
  auto tracefs = open_tracefs();
  if (!tracefs) return std::move(tracefs.error()).context("cannot look up '" + name + "'");
  std::vector<std::string> found{name};
  if (base::is_glob(name)) {
    auto listed = tracefs->list_events(name);
    if (!listed) return std::move(listed.error());
    found = std::move(*listed);
    if (found.empty()) {
      return make_error(Code::kNotFound, "no event matches '" + name + "'",
                        "oc list events shows those of this machine");
    }
  }
  Requests requests;
  for (const std::string& event : found) {
    auto format = tracefs->load_format(event);
    if (!format) {
      if (base::is_glob(name) && format.error().code != Code::kPermission)
        continue;  // an event perf cannot open
      return std::move(format.error());
    }
    EventRequest request;
    request.name = perf::name_with(event, text.modifiers);
    request.type = PERF_TYPE_TRACEPOINT;
    request.config = format->id;
    request.modifiers = text.modifiers;
    request.keep_own = is_about_others(*format);
    request.is_optional = base::is_glob(name);
    request.format = std::move(*format);
    requests.push_back(std::move(request));
  }
  return requests;
}

/// "openat": the tracepoints of its entry and its exit, which know the arguments by name. All ("*"):
/// the two that all system calls share; six hundred descriptors on each CPU would be the other way.
Result<std::vector<uint32_t>> LivePlan::resolve_syscalls(const std::string& name,
                                                         const LiveSettings& settings) {
  const bool is_all = name == "*";
  std::vector<uint32_t> indexes;
  for (const std::string_view prefix : {kEnter, kExit}) {
    const std::string raw = prefix == kEnter ? "raw_syscalls:sys_enter" : "raw_syscalls:sys_exit";
    auto found = resolve(is_all ? raw : std::string(prefix) + name, settings);
    if (!found && found.error().code == Code::kNotFound && !is_all) {
      return make_error(Code::kNotFound, "there is no system call '" + name + "' to trace",
                        base::did_you_mean(base::nearest(name, syscall_names())));
    }
    if (!found) return found;
    indexes.insert(indexes.end(), found->begin(), found->end());
  }
  return indexes;
}

void LivePlan::reserve(const event::EventTable& table) {
  while (size() < table.size()) {
    reserved_.push_back(size());
    kinds_.push_back(table[size()]);
    EventRequest request;
    request.name = kinds_.back().name;
    request.is_wanted = false;
    requests_.push_back(std::move(request));
  }
}

bool LivePlan::is_reserved(uint32_t index) const {
  return std::count(reserved_.begin(), reserved_.end(), index) != 0;
}

uint32_t LivePlan::add(EventRequest request) {
  for (uint32_t i = 0; i < size() && request.group == 0; ++i) {
    if (is_reserved(i) || !same_event(requests_[i], request)) continue;
    if (!request.is_optional) requests_[i].is_optional = false;  // asked for by name too
    return i;
  }
  event::EventKind kind;
  kind.name = request.name;
  kind.format = request.format;
  kind.attr = perf::make_event_attr(request, {});
  kind.layout = event::make_layout(kind.attr);
  kinds_.push_back(std::move(kind));
  requests_.push_back(std::move(request));
  return size() - 1;
}

std::vector<std::string> LivePlan::names(const std::string& glob) const {
  std::vector<std::string> names;
  for (std::string& name : perf::untraced_names(pmus_)) {
    if (base::glob_matches(glob, name)) names.push_back(std::move(name));
  }
  if (auto tracefs = open_tracefs()) {
    if (auto listed = tracefs->list_events(glob))
      names.insert(names.end(), listed->begin(), listed->end());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string LivePlan::missing(const std::string& name) const {
  const auto events = perf::parse_event_list(name);
  if (!events) return {};
  const auto found = perf::look_up_event(events->front(), pmus_);
  return found && !found->empty() ? perf::why_missing(found->front()) : std::string();
}

}  // namespace oc::session
