#include "perf/event_opener.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "perf/open_errors.h"
#include "sys/broker.h"

namespace oc::perf {

namespace {

int open_at(perf_event_attr& attr, const Place& place, int group = -1, bool may_inherit = true) {
  attr.inherit = place.inherits && may_inherit;
  return open_perf_event(attr, place.pid, place.cpu, group,
                         place.is_cgroup ? PERF_FLAG_PID_CGROUP : 0);
}

/// The leader's descriptor at the same place; -1 when it could not be opened there.
int group_at(const std::vector<OpenEvent>& leader, const Place& place) {
  for (const OpenEvent& event : leader) {
    if (event.pid == place.pid && event.cpu == place.cpu) return event.fd.number();
  }
  return -1;
}

}  // namespace

int open_perf_event(perf_event_attr& attr, pid_t pid, int32_t cpu, int group, uint64_t flags) {
  if (sys::Broker* broker = sys::Broker::active())
    return broker->open_event(attr, pid, cpu, group, flags);
  const long fd = syscall(SYS_perf_event_open, &attr, pid, cpu, group,
                          static_cast<unsigned long>(flags | PERF_FLAG_FD_CLOEXEC));
  return fd < 0 ? -errno : static_cast<int>(fd);
}

EventOpener::EventOpener(const sys::Permissions& permissions, Guardian& guardian,
                         std::vector<std::string>& notes)
    : permissions_(permissions), guardian_(guardian), notes_(notes) {}

base::Status EventOpener::probe(const EventRequest& first, const Place& place, AttrBasis& basis) {
  int fd = -1;
  for (const bool reads_lost : {true, false}) {
    basis.reads_lost = reads_lost;
    perf_event_attr attr = make_sideband_attr({}, basis);
    fd = open_at(attr, place);
    if (fd != -EINVAL) break;
  }
  base::Fd closes_it(fd);
  if (fd >= 0) return {};
  if (fd == -ENOSYS) {
    return base::make_error(base::Code::kUnsupported, "this kernel was built without perf events");
  }
  return explain_open_error(-fd, first, place.pid == -1, permissions_);
}

SidebandExtras EventOpener::probe_extras(const Place& place, AttrBasis basis) {
  LiveRequest request;
  request.is_recorded = true;
  const auto works = [&](bool SidebandExtras::*extra) {
    basis.extras = {};
    basis.extras.*extra = true;
    perf_event_attr attr = make_sideband_attr(request, basis);
    return static_cast<bool>(base::Fd(open_at(attr, place)));
  };
  SidebandExtras found;
  for (const auto extra :
       {&SidebandExtras::build_ids, &SidebandExtras::namespaces, &SidebandExtras::cgroups,
        &SidebandExtras::ksymbols, &SidebandExtras::bpf_events})
    found.*extra = works(extra);
  return found;
}

SidebandExtras EventOpener::keep_possible(const SidebandExtras& wanted, const Place& place,
                                          AttrBasis basis) {
  struct Kind {
    bool SidebandExtras::*extra;
    const char* name;
  };
  constexpr Kind kKinds[] = {{&SidebandExtras::namespaces, "namespaces"},
                             {&SidebandExtras::cgroups, "cgroup"},
                             {&SidebandExtras::ksymbols, "ksymbol"},
                             {&SidebandExtras::bpf_events, "bpf_event"},
                             {&SidebandExtras::text_pokes, "text_poke"}};
  SidebandExtras kept;
  for (const Kind& kind : kKinds) {
    if (!(wanted.*kind.extra)) continue;
    basis.extras = {};
    basis.extras.*kind.extra = true;
    perf_event_attr attr = make_sideband_attr({}, basis);
    kept.*kind.extra = static_cast<bool>(base::Fd(open_at(attr, place)));
    if (!(kept.*kind.extra))
      notes_.push_back(fmt::format("the kernel gives no {} records to this user", kind.name));
  }
  return kept;
}

base::Result<std::vector<OpenEvent>> EventOpener::open(const EventRequest& request,
                                                       const std::vector<Place>& places,
                                                       const std::vector<OpenEvent>* leader,
                                                       perf_event_attr& attr, std::string& name) {
  std::vector<OpenEvent> events;
  events.reserve(places.size());
  int reason = ENODEV;
  for (const Place& place : places) {
    const int group = leader == nullptr ? -1 : group_at(*leader, place);
    if (leader != nullptr && group < 0) continue;
    const auto open_here = [&] {
      return open_at(attr, place, group, reading_inherits_ || !request.modifiers.sample_read);
    };
    int fd = open_here();
    while (fd < 0 && events.empty() && adapt(-fd, request, attr, name)) fd = open_here();
    if (fd == -ENODEV) {
      notes_.push_back(
          fmt::format("event '{}' is not traced on CPU {}: it is offline", name, place.cpu));
      continue;
    }
    if (fd < 0) {
      reason = -fd;
      events.clear();
      break;
    }
    OpenEvent event{base::Fd(fd), place.cpu, 0, place.pid};
    if (ioctl(fd, PERF_EVENT_IOC_ID, &event.id) != 0) {
      return base::system_error(errno, "cannot tell the id of event '" + name + "'");
    }
    events.push_back(std::move(event));
  }
  if (events.empty()) {
    const bool is_system = !places.empty() && places.front().pid == -1;
    return explain_open_error(reason, request, is_system, permissions_);
  }
  give_to_guardian(events);
  return events;
}

/// Changes `attr` so that what was refused with `number` may be allowed; false: there is no such way.
bool EventOpener::adapt(int number, const EventRequest& request, perf_event_attr& attr,
                        std::string& name) {
  if (drop_kernel_part(number, attr, name)) return true;
  const bool may_be_precision = number == EOPNOTSUPP || number == EINVAL || number == ENOENT;
  if (request.modifiers.precise_max && attr.precise_ip > 0 && may_be_precision) {
    --attr.precise_ip;
    return true;
  }
  if (number == EINVAL && attr.exclude_guest && !request.modifiers.names_guest) {
    attr.exclude_guest = 0;
    return true;
  }
  if (number == EINVAL && attr.inherit && request.reads_group() && reading_inherits_) {
    reading_inherits_ = false;
    notes_.push_back(fmt::format(
        "'{}' does not follow children: this kernel cannot read a group in them (Linux 6.13 can)",
        name));
    return true;
  }
  return false;
}

/// Where the kernel's part is refused, the user's part may be allowed.
bool EventOpener::drop_kernel_part(int number, perf_event_attr& attr, std::string& name) {
  if (number != EACCES && number != EPERM) return false;
  if (attr.exclude_kernel || is_kernel_only(attr)) return false;
  attr.exclude_kernel = 1;
  attr.exclude_hv = 1;
  name += ":u";
  notes_.push_back(fmt::format(
      "'{}' leaves out the kernel: perf_event_paranoid is {} and this user is not privileged", name,
      permissions_.perf_event_paranoid));
  return true;
}

void EventOpener::give_to_guardian(const std::vector<OpenEvent>& events) {
  if (guardian_failed_) return;
  std::vector<int> fds;
  for (const OpenEvent& event : events) fds.push_back(event.fd.number());
  const base::Status kept = guardian_.keep(fds);
  if (kept) return;
  guardian_failed_ = true;
  notes_.push_back(kept.error().what + "; ending may take long");
}

}  // namespace oc::perf
