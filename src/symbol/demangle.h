#pragma once

#include <string>
#include <string_view>

namespace oc::symbol {

enum class NameForm {
  kShort,  ///< without parameters and return type, as perf prints it: "std::vector<int>::push_back"
  kFull,   ///< as c++filt and addr2line -C print it: "std::vector<int>::push_back(int const&)"
};

/// The name as its programmer wrote it: C++ (Itanium ABI), Rust (both ways), D, Go needs none. What is not mangled, or
/// cannot be read, comes back as it is. A version behind it ("@@GLIBCXX_3.4") or a suffix of the compiler (".part.0",
/// ".cold") stays, as c++filt leaves it.
///
/// Names are foreign: those that would grow beyond 64 KiB (a few bytes can ask for more than any memory) come back as they
/// are. Any thread.
std::string demangle(std::string_view name, NameForm form);

}  // namespace oc::symbol
