#pragma once

#include <cstdint>
#include <string>

namespace oc::sys {

/// How much memory this process may have in the end: the machine's, or less where a control group above it
/// (cgroup2's memory.max, the older memory.limit_in_bytes) says so. `prefix` is for tests.
uint64_t load_memory_bytes(const std::string& prefix = {});

}  // namespace oc::sys
