#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::sys {

/// Parses the kernel's list of CPUs: "0-2,5" is 0, 1, 2, 5. Blanks at the end are allowed.
/// Source of the syntax: kernel lib/bitmap.c bitmap_print_to_pagebuf().
base::Result<std::vector<int32_t>> parse_cpu_list(std::string_view text);

/// The CPUs that are online now, ascending; there may be holes.
base::Result<std::vector<int32_t>> load_online_cpus(
    const std::string& path = "/sys/devices/system/cpu/online");

}  // namespace oc::sys
