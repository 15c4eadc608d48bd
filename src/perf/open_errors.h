#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "perf/live_request.h"
#include "sys/permissions.h"

namespace oc::perf {

/// Why perf_event_open refused `request` with `number`, in a sentence, and what the user can do.
base::Error explain_open_error(int number, const EventRequest& request, bool is_system_wide,
                               const sys::Permissions& permissions);

/// Why rings of `size_bytes` on `cpus` CPUs could not be mapped.
base::Error explain_map_error(int number, uint64_t size_bytes, size_t cpus,
                              const sys::Permissions& permissions);

/// "8 MiB", "64 KiB".
std::string format_size(uint64_t bytes);

}  // namespace oc::perf
