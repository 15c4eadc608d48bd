#include "event/sample_layout.h"

#include <catch2/catch.hpp>

using oc::event::kAbsent;
using oc::event::make_layout;

TEST_CASE("fixed sample fields lie in the kernel's order") {
  perf_event_attr attr{};
  attr.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
                     PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_RAW;
  attr.sample_id_all = 1;
  const auto layout = make_layout(attr);
  CHECK(layout.identifier == 8);
  CHECK(layout.ip == 16);
  CHECK(layout.tid == 24);
  CHECK(layout.time == 32);
  CHECK(layout.addr == kAbsent);
  CHECK(layout.cpu == 40);
  CHECK(layout.period == 48);
  CHECK(layout.tail == 56);
  CHECK(layout.raw == 56);
  CHECK(layout.trailer_size == 32);
  CHECK(layout.trailer_tid == 0);
  CHECK(layout.trailer_time == 8);
  CHECK(layout.trailer_cpu == 16);
  CHECK(layout.trailer_identifier == 24);
}

TEST_CASE("raw has no fixed place behind a call chain") {
  perf_event_attr attr{};
  attr.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW;
  CHECK(make_layout(attr).raw == kAbsent);
  CHECK(make_layout(attr).trailer_size == 0);
}
