#pragma once

#include <fnmatch.h>

#include <string>
#include <string_view>

namespace oc::machine {

/// As it stands, or as a glob: names like `operator[]` need no escape.
inline bool matches(const std::string& pattern, std::string_view text) {
  if (pattern == text) return true;
  if (pattern.find_first_of("*?[") == std::string::npos) return false;
  return fnmatch(pattern.c_str(), std::string(text).c_str(), 0) == 0;
}

}  // namespace oc::machine
