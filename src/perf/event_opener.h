#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "perf/attr_builder.h"
#include "perf/guardian.h"
#include "perf/live_request.h"
#include "sys/permissions.h"

namespace oc::perf {

/// One descriptor of one kind of event.
struct OpenEvent {
  base::Fd fd;
  int32_t cpu = -1;
  uint64_t id = 0;  ///< PERF_FORMAT_ID
};

/// The system call. Returns a descriptor (close-on-exec) or -errno.
int open_perf_event(perf_event_attr& attr, pid_t pid, int32_t cpu);

/// Opens one kind of event on every CPU, with what older kernels and ordinary users need:
///   1. without PERF_FORMAT_LOST where the kernel does not know it (before 6.0);
///   2. without the kernel's part (":u") where the user may not see it and the event has another.
/// Each descriptor is given to the guardian as soon as it is there. A CPU that went offline is left
/// out. Constructor arguments outlive the object.
class EventOpener {
 public:
  EventOpener(const sys::Permissions& permissions, Guardian& guardian,
              std::vector<std::string>& notes);

  /// `pid` -1: everything on these CPUs.
  void set_target(pid_t pid, std::vector<int32_t> cpus);

  /// Finds out what this kernel refuses. Call first, after set_target. Error: this user may open
  /// nothing; told about `first`, which the user knows, though it is a dummy that was tried.
  base::Status probe(const EventRequest& first, AttrBasis& basis);
  /// Which further sideband records there are here.
  SidebandExtras probe_extras(AttrBasis basis);
  /// Those of `wanted` that the kernel gives here; the others are noted.
  SidebandExtras keep_possible(const SidebandExtras& wanted, AttrBasis basis);

  /// Opens `attr` on every CPU. May set exclude_kernel and name it ":u" in `name`.
  base::Result<std::vector<OpenEvent>> open(const EventRequest& request, perf_event_attr& attr,
                                            std::string& name);

 private:
  bool drop_kernel_part(int number, perf_event_attr& attr, std::string& name);
  void give_to_guardian(const std::vector<OpenEvent>& events);

  const sys::Permissions& permissions_;
  Guardian& guardian_;
  std::vector<std::string>& notes_;
  pid_t pid_ = -1;
  std::vector<int32_t> cpus_;
  bool guardian_failed_ = false;
};

}  // namespace oc::perf
