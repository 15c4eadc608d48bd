#pragma once

#include <string_view>

namespace oc::base {

/// The last part of a path; all of what has no slash. Lent: a part of `path`.
inline std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace oc::base
