#include "source/attr_name.h"

#include <fmt/format.h>

#include <array>

namespace oc::source {

namespace {

constexpr std::array<const char*, 10> kHardware = {"cycles",
                                                   "instructions",
                                                   "cache-references",
                                                   "cache-misses",
                                                   "branches",
                                                   "branch-misses",
                                                   "bus-cycles",
                                                   "stalled-cycles-frontend",
                                                   "stalled-cycles-backend",
                                                   "ref-cycles"};
constexpr std::array<const char*, 12> kSoftware = {
    "cpu-clock",        "task-clock",   "page-faults",  "context-switches",
    "cpu-migrations",   "minor-faults", "major-faults", "alignment-faults",
    "emulation-faults", "dummy",        "bpf-output",   "cgroup-switches"};

std::string modifiers(const perf_event_attr& attr) {
  std::string text;
  if (attr.exclude_kernel || attr.exclude_user || attr.exclude_hv) {
    if (!attr.exclude_kernel) text += 'k';
    if (!attr.exclude_user) text += 'u';
    if (!attr.exclude_hv) text += 'h';
  }
  text.append(attr.precise_ip, 'p');
  return text.empty() ? text : ":" + text;
}

}  // namespace

std::string attr_name(const perf_event_attr& attr) {
  const uint64_t config = attr.config;
  if (attr.type == PERF_TYPE_HARDWARE && (config & 0xffffffff) < kHardware.size()) {
    return kHardware[config & 0xffffffff] + modifiers(attr);
  }
  if (attr.type == PERF_TYPE_SOFTWARE && config < kSoftware.size())
    return kSoftware[config] + modifiers(attr);
  if (attr.type == PERF_TYPE_TRACEPOINT) return fmt::format("tracepoint {}", config);
  if (attr.type == PERF_TYPE_RAW) return fmt::format("raw {:#x}", config) + modifiers(attr);
  if (attr.type == PERF_TYPE_BREAKPOINT) return fmt::format("mem:{:#x}", attr.bp_addr);
  return fmt::format("pmu {} config {:#x}", attr.type, config) + modifiers(attr);
}

}  // namespace oc::source
