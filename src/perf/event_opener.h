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
  pid_t pid = -1;   ///< as of its place
};

/// The system call. Returns a descriptor (close-on-exec) or -errno.
int open_perf_event(perf_event_attr& attr, pid_t pid, int32_t cpu, int group = -1,
                    uint64_t flags = 0);

/// Opens one kind of event at many places, with what older kernels, units and ordinary users need:
///   1. without PERF_FORMAT_LOST where the kernel does not know it (before 6.0);
///   2. without the kernel's part (":u") where the user may not see it and the event has another;
///   3. without leaving out guests where the unit cannot tell; less precisely, for ":P";
///   4. what reads its group: without children, before Linux 6.13.
/// Each descriptor is given to the guardian as soon as it is there. A CPU that went offline is left
/// out. Constructor arguments outlive the object.
class EventOpener {
 public:
  EventOpener(const sys::Permissions& permissions, Guardian& guardian,
              std::vector<std::string>& notes);

  /// Finds out what this kernel refuses. Call first. Error: this user may open nothing there; told
  /// about `first`, which the user knows, though it is a dummy that was tried.
  base::Status probe(const EventRequest& first, const Place& place, AttrBasis& basis);

  /// Which further sideband records there are at such a place.
  SidebandExtras probe_extras(const Place& place, AttrBasis basis);
  /// Those of `wanted` that the kernel gives there; the others are noted.
  SidebandExtras keep_possible(const SidebandExtras& wanted, const Place& place, AttrBasis basis);

  /// Opens `attr` at every place; may change it, and its `name`. With a `leader`, into the group of
  /// its descriptor at the same place.
  base::Result<std::vector<OpenEvent>> open(const EventRequest& request,
                                            const std::vector<Place>& places,
                                            const std::vector<OpenEvent>* leader,
                                            perf_event_attr& attr, std::string& name);

 private:
  bool adapt(int number, const EventRequest& request, perf_event_attr& attr, std::string& name);
  bool drop_kernel_part(int number, perf_event_attr& attr, std::string& name);
  void give_to_guardian(const std::vector<OpenEvent>& events);

  const sys::Permissions& permissions_;
  Guardian& guardian_;
  std::vector<std::string>& notes_;
  bool guardian_failed_ = false;
  bool reading_inherits_ = true;
};

}  // namespace oc::perf
