#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oc::sys {

/// Where file systems of `type` are mounted, in order. `mounts` is the text of /proc/self/mounts: lines
/// of "DEVICE FOLDER TYPE OPTIONS 0 0", blanks within a word as "\040".
std::vector<std::string> mounted_folders(std::string_view mounts, std::string_view type);

}  // namespace oc::sys
