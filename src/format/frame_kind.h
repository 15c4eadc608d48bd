#pragma once

#include <cstdint>
#include <string_view>

#include "machine/machine.h"

namespace oc::format {

/// What sort of code a frame is, as pictures colour it.
enum class FrameKind : uint8_t {
  kUser,
  kKernel,
  kInlined,
  kJit,      ///< compiled by a runtime: code in memory of no file
  kUnknown,  ///< nobody knows the function
  kNone,     ///< no code: a process, a thread, the root
};
constexpr size_t kFrameKinds = 6;

/// "kernel"; as style sheets call it.
std::string_view name_of(FrameKind kind);
/// As legends call it.
std::string_view describe(FrameKind kind);

FrameKind kind_of(const machine::Machine& machine, const machine::Function& function,
                  bool is_inlined);

}  // namespace oc::format
