#pragma once

#include <string>
#include <vector>

#include "event/filter.h"

namespace oc::event {

/// What the kernel can be asked to leave out for a filter.
struct KernelFilter {
  std::string text;  ///< for PERF_EVENT_IOC_SET_FILTER; empty: nothing
  /// True when the kernel lets through exactly what the filter does; otherwise it lets through more, and
  /// the filter has to be applied to what comes.
  bool is_exact = false;
  std::vector<TextSpan> rest;  ///< the parts of the filter that are not exact
};

/// The text of `filter` in the language of the kernel's tracepoint filters, as far as that can say it.
///
/// Never leaves out an event that the filter wants: a part that the kernel cannot test, or tests
/// otherwise than we do, is left away from && and makes an || whole go away (docs/design/filters.md has
/// the list). `tids_are_global`: thread ids in records are the kernel's own, as outside of containers.
/// Source: kernel/trace/trace_events_filter.c.
KernelFilter make_kernel_filter(const Filter& filter, const EventFormat& format,
                                bool tids_are_global);

}  // namespace oc::event
