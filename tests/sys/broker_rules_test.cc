#include "sys/broker_rules.h"

#include <catch2/catch.hpp>

namespace oc::sys {
namespace {

constexpr const char* kTracing = "/sys/kernel/tracing";

TEST_CASE("a broker opens what names events, threads and mappings") {
  for (const char* path :
       {"/proc/kallsyms", "/proc/modules", "/proc/7/maps", "/proc/4294967295/comm",
        "/proc/7/task/8/comm", "/sys/kernel/tracing/available_events",
        "/sys/kernel/tracing/events/header_page",
        "/sys/kernel/tracing/events/sched/sched_switch/format",
        "/sys/kernel/tracing/events/sched/sched_switch/id"}) {
    INFO(path);
    CHECK(is_brokered_file(path, kTracing));
  }
}

TEST_CASE("a broker opens nothing else") {
  const std::string with_nul("/proc/7\0/maps", 13);
  for (const std::string& path :
       std::vector<std::string>{"",
                                "/",
                                "/proc",
                                "/proc/",
                                "/proc/7",
                                "/proc/7/",
                                "/proc/7/mem",
                                "/proc/7/environ",
                                "/proc/7/root/etc/shadow",
                                "/proc/7/maps/",
                                "/proc/7//maps",
                                "/proc//7/maps",
                                "/proc/self/maps",
                                "/proc/-1/maps",
                                "/proc/99999999999/maps",
                                "/proc/../proc/7/maps",
                                "/proc/./kallsyms",
                                "proc/kallsyms",
                                "/etc/shadow",
                                "/proc/7/task/x/comm",
                                "/proc/7/task/8/mem",
                                "/proc/7/fd/3",
                                "/sys/kernel/tracing",
                                "/sys/kernel/tracing/",
                                "/sys/kernel/tracing/trace_pipe",
                                "/sys/kernel/tracing/events",
                                "/sys/kernel/tracing/events/sched/sched_switch/enable",
                                "/sys/kernel/tracing/events/../events/sched/sched_switch/format",
                                "/sys/kernel/tracing/events/sched/../format",
                                "/sys/kernel/tracing2/available_events",
                                with_nul}) {
    INFO(path);
    CHECK_FALSE(is_brokered_file(path, kTracing));
  }
  CHECK_FALSE(is_brokered_file("/available_events", ""));
}

TEST_CASE("a broker opens events that watch, and no others") {
  const std::vector<uint32_t> pointing = {8, 9};
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_TRACEPOINT;
  CHECK(refusal_of_event(attr, 0, pointing).empty());
  CHECK(refusal_of_event(attr, PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC, pointing).empty());
  CHECK_FALSE(refusal_of_event(attr, PERF_FLAG_FD_OUTPUT, pointing).empty());
  perf_event_attr signals = attr;
  signals.sigtrap = 1;
  CHECK_FALSE(refusal_of_event(signals, 0, pointing).empty());
  perf_event_attr ends = attr;
  ends.remove_on_exec = 1;
  CHECK_FALSE(refusal_of_event(ends, 0, pointing).empty());
  perf_event_attr probe = attr;
  probe.type = 9;
  CHECK_FALSE(refusal_of_event(probe, 0, pointing).empty());
}

}  // namespace
}  // namespace oc::sys
