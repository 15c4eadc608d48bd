#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "perf/event_text.h"
#include "perf/live_request.h"
#include "sys/pmus.h"

namespace oc::perf {

/// What an event means that needs no tracefs: software, hardware, cache, raw (rNNN), breakpoint
/// (mem:ADDR), numeric (TYPE:CONFIG), or of a unit (cpu/event=0x3c/, msr/tsc/). Several where a name
/// means several units; empty when it is none of these. Without what a run adds (frequency, stacks).
base::Result<std::vector<EventRequest>> look_up_event(const EventText& event,
                                                      const sys::Pmus& pmus);

/// Applies the terms that are perf's own, not a unit's, and says what is left: period, freq, name,
/// call-graph, stack-size, max-stack.
/// Error: a value that does not fit.
base::Result<std::vector<EventTerm>> apply_run_terms(const EventText& event, EventRequest& request);

/// The sample that counts up by itself, so that it has a frequency: clocks, hardware, units.
bool is_rate(const EventRequest& request);

/// A page fault: carries its address always. Where two events of one kind are open with different
/// samples, Linux 6.18 gives the second the id of the first (do_perf_sw_event reuses its sample data).
bool is_fault(const EventRequest& request);

/// "cycles:u" and the like: the name with the letters behind it.
std::string name_with(std::string_view name, const Modifiers& modifiers);

/// Why this machine does not have the event: found out by opening it, counting, on ourselves. Empty
/// when it has, or when this user may not know.
std::string why_missing(const EventRequest& request);

/// All names that can be asked for without tracefs, by kind: software and hardware events, caches,
/// events of the units.
std::vector<std::string> untraced_names(const sys::Pmus& pmus);

}  // namespace oc::perf
