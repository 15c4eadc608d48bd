#pragma once

#include <fnmatch.h>

#include <string>

namespace oc::base {

inline bool is_glob(const std::string& name) {
  return name.find_first_of("*?[") != std::string::npos;
}

/// Whether `name` is what `pattern` says, as the shell matches; a pattern without * ? [ is a name.
inline bool glob_matches(const std::string& pattern, const std::string& name) {
  return is_glob(pattern) ? fnmatch(pattern.c_str(), name.c_str(), 0) == 0 : pattern == name;
}

}  // namespace oc::base
