#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "machine/machine.h"

namespace oc::format {

/// Valid UTF-8 without control characters: what is not is shown as U+FFFD, as `\t` and the like as spaces. Names come
/// from foreign files, and each format has characters of its own to be escaped beside these.
std::string clean_text(std::string_view text);

/// Valid UTF-8, with control characters as they are: what is not is shown as U+FFFD.
void append_utf8(std::string& out, std::string_view text);

/// A function in a stack as exports have it.
struct FrameText {
  machine::FunctionId function;
  base::StringId file;
  uint32_t line = 0;
  bool is_inlined = false;
  bool is_kernel = false;
  uint32_t frame = 0;  ///< whose place it is
};

/// The functions of a stack, the innermost first; inlined ones apart if so asked. Lent: until the next call with the
/// same buffer.
std::span<const FrameText> read_stack(machine::Machine& machine, machine::StackRef stack,
                                      bool inlined, std::vector<FrameText>& buffer);

}  // namespace oc::format
