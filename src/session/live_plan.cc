#include "session/live_plan.h"

#include <algorithm>
#include <utility>

#include "base/glob.h"
#include "base/nearest.h"
#include "perf/attr_builder.h"
#include "perf/event_names.h"
#include "sys/tracefs.h"

namespace oc::session {

using base::Code;
using base::Result;

namespace {

Result<sys::Tracefs> open_tracefs() {
  auto root = sys::find_tracefs();
  if (!root) return std::move(root.error());
  return sys::Tracefs(std::move(*root));
}

/// An event of the scheduler is made in the context of one thread but is about two: leaving out those
/// made in our own would lose the other's switch or wake-up.
bool is_about_others(const event::EventFormat& format) { return format.system == "sched"; }

/// What counts up by itself: sampling each of its counts would be millions a second.
bool is_rate(const perf::NamedEvent& event) {
  if (event.type != PERF_TYPE_SOFTWARE) return true;
  return event.config == PERF_COUNT_SW_CPU_CLOCK || event.config == PERF_COUNT_SW_TASK_CLOCK;
}

/// Faults carry their address always: where two events of one kind are open with different samples,
/// Linux 6.18 gives the second the id of the first (do_perf_sw_event reuses its sample data).
bool is_fault(const perf::NamedEvent& event) {
  if (event.type != PERF_TYPE_SOFTWARE) return false;
  return event.config == PERF_COUNT_SW_PAGE_FAULTS ||
         event.config == PERF_COUNT_SW_PAGE_FAULTS_MIN ||
         event.config == PERF_COUNT_SW_PAGE_FAULTS_MAJ;
}

}  // namespace

Result<std::vector<uint32_t>> LivePlan::resolve(const std::string& name,
                                                const LiveSettings& settings) {
  if (const auto* named = perf::find_named_event(name); named != nullptr) {
    perf::EventRequest request;
    request.name = std::string(named->name);
    request.type = named->type;
    request.config = named->config;
    request.period = settings.period;
    if (is_rate(*named) && (settings.frequency_hz != 0 || settings.period <= 1))
      request.frequency_hz = settings.frequency_hz != 0 ? settings.frequency_hz : kDefaultHz;
    request.with_address = settings.with_address || is_fault(*named);
    return std::vector<uint32_t>{add(std::move(request))};
  }
  if (name.find(':') == std::string::npos && !base::is_glob(name)) {
    const auto with_system = names("*:" + name);
    const std::string hint =
        base::did_you_mean(with_system.empty() ? base::nearest(name, names("*")) : with_system);
    return base::make_error(Code::kNotFound, "there is no event '" + name + "'",
                            hint.empty() ? "oc list events shows those of this machine" : hint);
  }
  return resolve_tracepoints(name);
}

Result<std::vector<uint32_t>> LivePlan::resolve_tracepoints(const std::string& name) {
  auto tracefs = open_tracefs();
  if (!tracefs) return std::move(tracefs.error()).context("cannot look up '" + name + "'");
  std::vector<std::string> found{name};
  if (base::is_glob(name)) {
    auto listed = tracefs->list_events(name);
    if (!listed) return std::move(listed.error());
    found = std::move(*listed);
    if (found.empty()) {
      return base::make_error(Code::kNotFound, "no event matches '" + name + "'",
                              "oc list events shows those of this machine");
    }
  }
  std::vector<uint32_t> indexes;
  for (const std::string& event : found) {
    auto format = tracefs->load_format(event);
    if (!format) {
      if (base::is_glob(name) && format.error().code != Code::kPermission)
        continue;  // an event perf cannot open
      return std::move(format.error());
    }
    perf::EventRequest request;
    request.name = event;
    request.type = PERF_TYPE_TRACEPOINT;
    request.config = format->id;
    request.keep_own = is_about_others(*format);
    request.is_optional = base::is_glob(name);
    request.format = std::move(*format);
    indexes.push_back(add(std::move(request)));
  }
  return indexes;
}

uint32_t LivePlan::add(perf::EventRequest request) {
  request.with_cgroup = samples_cgroups_;
  for (uint32_t i = 0; i < size(); ++i) {
    const auto& known = requests_[i];
    if (known.type == request.type && known.config == request.config &&
        known.frequency_hz == request.frequency_hz && known.period == request.period &&
        known.with_address == request.with_address) {
      if (!request.is_optional) requests_[i].is_optional = false;  // asked for by name too
      return i;
    }
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
  for (const auto& named : perf::named_events()) {
    const std::string name(named.name);
    if (base::glob_matches(glob, name)) names.push_back(name);
  }
  if (auto tracefs = open_tracefs()) {
    if (auto listed = tracefs->list_events(glob))
      names.insert(names.end(), listed->begin(), listed->end());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace oc::session
