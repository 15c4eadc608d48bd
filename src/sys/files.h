#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace oc::sys {

/// What a small file of /proc or /sys says, at most `most` bytes; empty when it cannot be read. Such files have no
/// size and come in pieces.
std::string read_text(const std::string& path, size_t most = 1 << 20);

/// The same without blanks at the end.
std::string read_line(const std::string& path);

/// The names in a folder, sorted; empty when it cannot be read.
std::vector<std::string> list_folder(const std::string& path);

}  // namespace oc::sys
