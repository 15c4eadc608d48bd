#include "source/attr_name.h"

#include <catch2/catch.hpp>
#include <string>

namespace {

std::string name(uint32_t type, uint64_t config, void (*change)(perf_event_attr&) = nullptr) {
  perf_event_attr attr{};
  attr.type = type;
  attr.config = config;
  attr.exclude_guest = 1;
  if (change != nullptr) change(attr);
  return oc::source::attr_name(attr);
}

perf_event_attr cycles() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_HARDWARE;
  attr.config = PERF_COUNT_HW_CPU_CYCLES;
  attr.exclude_guest = 1;
  return attr;
}

}  // namespace

// Expected names are those of perf 6.1 for the same attrs.
TEST_CASE("an event without a stored name is called as perf calls it") {
  perf_event_attr attr = cycles();
  CHECK(oc::source::attr_name(attr) == "cycles");
  attr.exclude_guest = 0;
  CHECK(oc::source::attr_name(attr) == "cycles:HG");

  attr = cycles();
  attr.exclude_kernel = attr.exclude_hv = 1;
  CHECK(oc::source::attr_name(attr) == "cycles:uH");
  attr.exclude_guest = 0;
  CHECK(oc::source::attr_name(attr) == "cycles:u");
  attr.exclude_kernel = 0;
  CHECK(oc::source::attr_name(attr) == "cycles:ku");

  attr = cycles();
  attr.exclude_guest = 0;
  attr.precise_ip = 3;
  CHECK(oc::source::attr_name(attr) == "cycles:ppp");
  attr.exclude_host = 1;
  CHECK(oc::source::attr_name(attr) == "cycles:pppG");
}

TEST_CASE("generic events have perf's names") {
  CHECK(name(PERF_TYPE_HARDWARE, 0) == "cycles");
  CHECK(name(PERF_TYPE_HARDWARE, 9) == "ref-cycles");
  CHECK(name(PERF_TYPE_SOFTWARE, 0) == "cpu-clock");
  CHECK(name(PERF_TYPE_SOFTWARE, 3) == "context-switches");
  CHECK(name(PERF_TYPE_SOFTWARE, 11) == "cgroup-switches");
}

TEST_CASE("a hybrid machine's core type above the config does not hide the name") {
  CHECK(name(PERF_TYPE_HARDWARE, 0x4'0000'0001) == "instructions");
}

TEST_CASE("an event that has no generic name still has one") {
  CHECK(name(PERF_TYPE_RAW, 0x1c2) == "raw 0x1c2");
  CHECK(name(PERF_TYPE_TRACEPOINT, 314) == "tracepoint 314");
  CHECK(name(PERF_TYPE_HARDWARE, 99) == "pmu 0 config 0x63");
  CHECK(name(PERF_TYPE_SOFTWARE, UINT64_MAX) == "pmu 1 config 0xffffffffffffffff");
  CHECK(name(4711, 3) == "pmu 4711 config 0x3");
  CHECK(name(PERF_TYPE_BREAKPOINT, 0, [](perf_event_attr& attr) { attr.bp_addr = 0xbeef; }) ==
        "mem:0xbeef");
}
