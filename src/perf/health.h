#pragma once

#include <vector>

#include "sys/finding.h"
#include "sys/permissions.h"

namespace oc::perf {

/// What this process can do with perf events, by doing it: events of itself, of the whole system, of
/// the kernel, a tracepoint, hardware counters, a uprobe, a ring; and the limits around them.
/// What was opened is closed by a guardian, so that nobody waits (see guardian.h).
std::vector<sys::Finding> examine_events(const sys::Permissions& permissions);

}  // namespace oc::perf
