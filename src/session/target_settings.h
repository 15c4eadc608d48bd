#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "perf/target.h"

namespace oc::session {

/// Adds to a target what a user wrote: kind "pid", "tid", "comm" (names or globs), "cgroup", "container",
/// "cpu" ("0,2-3") with lists by commas, "all", or "here" (the kernel gives all, the decoder chooses). Groups and containers are looked up here.
/// Errors name what is wrong, and the nearest that there is.
base::Status add_target(std::string_view kind, const std::string& text, perf::Target& target);

/// Whether these make sense together, and with a command or a recorded trace. Error: which two do not.
base::Status check_target(const perf::Target& target, bool has_command, bool is_recorded);

}  // namespace oc::session
