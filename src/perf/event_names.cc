#include "perf/event_names.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <array>

namespace oc::perf {

namespace {

constexpr NamedEvent software(std::string_view name, std::string_view alias, uint64_t config,
                              std::string_view what) {
  return {name, alias, PERF_TYPE_SOFTWARE, config, what};
}

constexpr NamedEvent hardware(std::string_view name, std::string_view alias, uint64_t config,
                              std::string_view what) {
  return {name, alias, PERF_TYPE_HARDWARE, config, what};
}

constexpr std::array kEvents = {
    software("cpu-clock", "", PERF_COUNT_SW_CPU_CLOCK, "time on a CPU, by a timer per CPU"),
    software("task-clock", "", PERF_COUNT_SW_TASK_CLOCK, "time a thread runs"),
    software("page-faults", "faults", PERF_COUNT_SW_PAGE_FAULTS, "page faults of both kinds"),
    software("minor-faults", "", PERF_COUNT_SW_PAGE_FAULTS_MIN, "page faults without I/O"),
    software("major-faults", "", PERF_COUNT_SW_PAGE_FAULTS_MAJ, "page faults that waited for I/O"),
    software("context-switches", "cs", PERF_COUNT_SW_CONTEXT_SWITCHES, "a thread leaves its CPU"),
    software("cpu-migrations", "migrations", PERF_COUNT_SW_CPU_MIGRATIONS,
             "a thread moves to another CPU"),
    software("alignment-faults", "", PERF_COUNT_SW_ALIGNMENT_FAULTS,
             "unaligned accesses that the kernel repaired"),
    software("emulation-faults", "", PERF_COUNT_SW_EMULATION_FAULTS,
             "instructions that the kernel emulated"),
    software("cgroup-switches", "", PERF_COUNT_SW_CGROUP_SWITCHES,
             "a CPU goes on to a thread of another cgroup"),
    software("bpf-output", "", PERF_COUNT_SW_BPF_OUTPUT, "what BPF programs write"),
    hardware("cycles", "cpu-cycles", PERF_COUNT_HW_CPU_CYCLES, "CPU cycles"),
    hardware("instructions", "", PERF_COUNT_HW_INSTRUCTIONS, "instructions retired"),
    hardware("cache-references", "", PERF_COUNT_HW_CACHE_REFERENCES, "last-level cache accesses"),
    hardware("cache-misses", "", PERF_COUNT_HW_CACHE_MISSES, "last-level cache misses"),
    hardware("branches", "branch-instructions", PERF_COUNT_HW_BRANCH_INSTRUCTIONS,
             "branch instructions retired"),
    hardware("branch-misses", "", PERF_COUNT_HW_BRANCH_MISSES, "mispredicted branches"),
    hardware("bus-cycles", "", PERF_COUNT_HW_BUS_CYCLES, "bus cycles"),
    hardware("ref-cycles", "", PERF_COUNT_HW_REF_CPU_CYCLES,
             "cycles at the constant reference rate"),
    hardware("stalled-cycles-frontend", "idle-cycles-frontend",
             PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, "cycles waiting for instructions"),
    hardware("stalled-cycles-backend", "idle-cycles-backend", PERF_COUNT_HW_STALLED_CYCLES_BACKEND,
             "cycles waiting for data or units"),
};

}  // namespace

std::span<const NamedEvent> named_events() { return kEvents; }

const NamedEvent* find_named_event(std::string_view name) {
  const auto* found = std::find_if(kEvents.begin(), kEvents.end(), [&](const NamedEvent& event) {
    return event.name == name || (!event.alias.empty() && event.alias == name);
  });
  return found == kEvents.end() ? nullptr : found;
}

}  // namespace oc::perf
