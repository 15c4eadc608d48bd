#include "perf/event_opener.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "perf/open_errors.h"

namespace oc::perf {

int open_perf_event(perf_event_attr& attr, pid_t pid, int32_t cpu) {
  const long fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

EventOpener::EventOpener(const sys::Permissions& permissions, Guardian& guardian,
                         std::vector<std::string>& notes)
    : permissions_(permissions), guardian_(guardian), notes_(notes) {}

void EventOpener::set_target(pid_t pid, std::vector<int32_t> cpus) {
  pid_ = pid;
  cpus_ = std::move(cpus);
}

base::Status EventOpener::probe(const EventRequest& first, AttrBasis& basis) {
  int fd = -1;
  for (const bool reads_lost : {true, false}) {
    basis.reads_lost = reads_lost;
    perf_event_attr attr = make_sideband_attr({}, basis);
    fd = open_perf_event(attr, pid_, cpus_.front());
    if (fd != -EINVAL) break;
  }
  base::Fd closes_it(fd);
  if (fd >= 0) return {};
  if (fd == -ENOSYS) {
    return base::make_error(base::Code::kUnsupported, "this kernel was built without perf events");
  }
  return explain_open_error(-fd, first, pid_ == -1, permissions_);
}

SidebandExtras EventOpener::probe_extras(AttrBasis basis) {
  LiveRequest request;
  request.is_recorded = true;
  const auto works = [&](bool SidebandExtras::*extra) {
    basis.extras = {};
    basis.extras.*extra = true;
    perf_event_attr attr = make_sideband_attr(request, basis);
    return static_cast<bool>(base::Fd(open_perf_event(attr, pid_, cpus_.front())));
  };
  SidebandExtras found;
  for (const auto extra :
       {&SidebandExtras::build_ids, &SidebandExtras::namespaces, &SidebandExtras::cgroups,
        &SidebandExtras::ksymbols, &SidebandExtras::bpf_events})
    found.*extra = works(extra);
  return found;
}

SidebandExtras EventOpener::keep_possible(const SidebandExtras& wanted, AttrBasis basis) {
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
    kept.*kind.extra = static_cast<bool>(base::Fd(open_perf_event(attr, pid_, cpus_.front())));
    if (!(kept.*kind.extra))
      notes_.push_back(fmt::format("the kernel gives no {} records to this user", kind.name));
  }
  return kept;
}

base::Result<std::vector<OpenEvent>> EventOpener::open(const EventRequest& request,
                                                       perf_event_attr& attr, std::string& name) {
  std::vector<OpenEvent> events;
  events.reserve(cpus_.size());
  int reason = ENODEV;
  for (const int32_t cpu : cpus_) {
    int fd = open_perf_event(attr, pid_, cpu);
    if (fd < 0 && events.empty() && drop_kernel_part(-fd, attr, name)) {
      fd = open_perf_event(attr, pid_, cpu);
    }
    if (fd == -ENODEV) {
      notes_.push_back(fmt::format("event '{}' is not traced on CPU {}: it is offline", name, cpu));
      continue;
    }
    if (fd < 0) {
      reason = -fd;
      events.clear();
      break;
    }
    OpenEvent event{base::Fd(fd), cpu, 0};
    if (ioctl(fd, PERF_EVENT_IOC_ID, &event.id) != 0) {
      return base::system_error(errno, "cannot tell the id of event '" + name + "'");
    }
    events.push_back(std::move(event));
  }
  if (events.empty()) return explain_open_error(reason, request, pid_ == -1, permissions_);
  give_to_guardian(events);
  return events;
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
