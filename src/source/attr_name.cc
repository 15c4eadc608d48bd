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

/// perf's rule (evsel__add_modifiers): what is counted, in the order k u h; `p` for each step of precision;
/// host and guest where they are not what the others imply.
std::string modifiers(const perf_event_attr& attr) {
  std::string text;
  const bool names_ring = attr.exclude_kernel || attr.exclude_user || attr.exclude_hv;
  if (names_ring) {
    if (!attr.exclude_kernel) text += 'k';
    if (!attr.exclude_user) text += 'u';
    if (!attr.exclude_hv) text += 'h';
  }
  text.append(attr.precise_ip, 'p');
  const bool guest_is_left_out = names_ring || attr.precise_ip != 0;
  if (attr.exclude_host || static_cast<bool>(attr.exclude_guest) == guest_is_left_out) {
    if (!attr.exclude_host) text += 'H';
    if (!attr.exclude_guest) text += 'G';
  }
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
