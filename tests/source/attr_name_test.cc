#include "source/attr_name.h"

#include <catch2/catch.hpp>

using oc::source::attr_name;

namespace {

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
  CHECK(attr_name(attr) == "cycles");
  attr.exclude_guest = 0;
  CHECK(attr_name(attr) == "cycles:HG");

  attr = cycles();
  attr.exclude_kernel = attr.exclude_hv = 1;
  CHECK(attr_name(attr) == "cycles:uH");
  attr.exclude_guest = 0;
  CHECK(attr_name(attr) == "cycles:u");
  attr.exclude_kernel = 0;
  CHECK(attr_name(attr) == "cycles:ku");

  attr = cycles();
  attr.exclude_guest = 0;
  attr.precise_ip = 3;
  CHECK(attr_name(attr) == "cycles:ppp");
  attr.exclude_host = 1;
  CHECK(attr_name(attr) == "cycles:pppG");
}
