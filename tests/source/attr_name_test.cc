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

}  // namespace

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

TEST_CASE("excluded modes and precision are modifiers, in perf's order") {
  CHECK(name(PERF_TYPE_HARDWARE, 0, [](perf_event_attr& attr) {
          attr.exclude_kernel = attr.exclude_hv = 1;
        }) == "cycles:u");
  CHECK(name(PERF_TYPE_HARDWARE, 0,
             [](perf_event_attr& attr) { attr.exclude_user = attr.exclude_hv = 1; }) == "cycles:k");
  CHECK(name(PERF_TYPE_HARDWARE, 0, [](perf_event_attr& attr) { attr.exclude_hv = 1; }) ==
        "cycles:ku");
  CHECK(name(PERF_TYPE_HARDWARE, 0, [](perf_event_attr& attr) { attr.precise_ip = 3; }) ==
        "cycles:ppp");
  CHECK(name(PERF_TYPE_SOFTWARE, 0, [](perf_event_attr& attr) {
          attr.exclude_kernel = attr.exclude_hv = 1;
          attr.precise_ip = 1;
        }) == "cpu-clock:up");
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
