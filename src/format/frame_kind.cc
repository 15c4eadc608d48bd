#include "format/frame_kind.h"

#include <array>

namespace oc::format {

namespace {

/// Memory of no file has such names in /proc/PID/maps; what runs there a runtime made. memfd: .NET, and others that map
/// their code twice. Source: proc_pid_maps(5), tools/perf/util/map.c.
bool is_memory(std::string_view module) {
  constexpr std::array<std::string_view, 7> kNames{"//anon",  "[anon",     "[heap]",    "[stack",
                                                   "/memfd:", "/dev/zero", "/tmp/perf-"};
  for (const std::string_view name : kNames) {
    if (module.starts_with(name)) return true;
  }
  return module.find("jitted-") != std::string_view::npos && module.ends_with(".so");
}

}  // namespace

std::string_view name_of(FrameKind kind) {
  constexpr std::array<std::string_view, kFrameKinds> kNames{"user", "kernel",  "inlined",
                                                             "jit",  "unknown", "none"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view describe(FrameKind kind) {
  constexpr std::array<std::string_view, kFrameKinds> kTexts{
      "user", "kernel", "inlined", "compiled at run time", "function not known", "no code"};
  return kTexts[static_cast<size_t>(kind)];
}

FrameKind kind_of(const machine::Machine& machine, const machine::Function& function,
                  bool is_inlined) {
  if (!function.is_known) return FrameKind::kUnknown;
  if (is_inlined) return FrameKind::kInlined;
  if (function.is_kernel) return FrameKind::kKernel;
  return is_memory(machine.text(function.module)) ? FrameKind::kJit : FrameKind::kUser;
}

}  // namespace oc::format
