#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oc::sys {

/// What a broker does for a process without rights, and nothing else. Both ends use the same: who asks sees at once that
/// there is no use in asking.

/// Whether such a file may be opened for reading: kallsyms, modules, iomem; of a process: maps, and what names it; of
/// tracefs (`tracing` is where it is mounted; "" when it is not): the list of events, their formats, ids and headers. No
/// ".", no "..", no "//".
bool is_brokered_file(std::string_view path, std::string_view tracing);

/// Whether such an event may be opened. Left out is what does more than watch: signals to the traced (sigtrap), events
/// that end with exec, and types that point to texts in memory (`pointing`: kprobe, uprobe).
/// Empty when it may, otherwise why not.
std::string refusal_of_event(const perf_event_attr& attr, uint64_t flags,
                             const std::vector<uint32_t>& pointing);

}  // namespace oc::sys
