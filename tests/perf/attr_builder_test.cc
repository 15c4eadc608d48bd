#include "perf/attr_builder.h"

#include <time.h>

#include <catch2/catch.hpp>

#include "event/sample_layout.h"

using namespace oc::perf;

namespace {

EventRequest tracepoint() {
  EventRequest request;
  request.name = "sched:sched_switch";
  request.type = PERF_TYPE_TRACEPOINT;
  request.config = 300;
  request.format.emplace();
  return request;
}

}  // namespace

TEST_CASE("every event has the monotonic clock, an id, a period and starts disabled") {
  for (const AttrBasis& basis : {AttrBasis{}, AttrBasis{true, false}}) {
    LiveRequest live;
    live.events.push_back(tracepoint());
    for (const perf_event_attr& attr :
         {make_event_attr(live.events[0], basis), make_sideband_attr(live, basis),
          make_data_attr(live, basis)}) {
      CHECK(attr.size == sizeof attr);
      CHECK(attr.use_clockid);
      CHECK(attr.clockid == CLOCK_MONOTONIC);
      CHECK(attr.disabled);
      CHECK(attr.sample_id_all);
      CHECK((attr.sample_type & PERF_SAMPLE_IDENTIFIER) != 0);
      CHECK((attr.sample_type & PERF_SAMPLE_PERIOD) != 0);
      CHECK(attr.inherit == basis.follows_command);
      CHECK(attr.enable_on_exec == basis.follows_command);
      CHECK(((attr.read_format & PERF_FORMAT_LOST) != 0) == basis.reads_lost);
    }
  }
}

TEST_CASE("a tracepoint has raw bytes at a fixed place and never leaves out the kernel") {
  const perf_event_attr attr = make_event_attr(tracepoint(), {});
  CHECK(attr.sample_period == 1);
  CHECK(!attr.exclude_kernel);
  CHECK(oc::event::make_layout(attr).raw != oc::event::kAbsent);
  CHECK(is_kernel_only(attr));
}

TEST_CASE("a frequency and an address are asked for when requested") {
  EventRequest faults;
  faults.type = PERF_TYPE_SOFTWARE;
  faults.config = PERF_COUNT_SW_PAGE_FAULTS;
  faults.frequency_hz = 99;
  faults.with_address = true;
  const perf_event_attr attr = make_event_attr(faults, {});
  CHECK(attr.freq);
  CHECK(attr.sample_freq == 99);
  CHECK((attr.sample_type & PERF_SAMPLE_ADDR) != 0);
  CHECK((attr.sample_type & PERF_SAMPLE_RAW) == 0);
  CHECK(!is_kernel_only(attr));
}

TEST_CASE("sideband carries names and, if asked for, mappings; switches travel with the data") {
  LiveRequest live;
  perf_event_attr sideband = make_sideband_attr(live, {});
  CHECK(sideband.comm);
  CHECK(sideband.comm_exec);
  CHECK(sideband.task);
  CHECK(!sideband.mmap2);
  CHECK(sideband.exclude_kernel);
  CHECK(!make_data_attr(live, {}).context_switch);
  live.mmap_records = live.switch_records = true;
  sideband = make_sideband_attr(live, {});
  CHECK(sideband.mmap2);
  CHECK(sideband.mmap_data);
  CHECK(!sideband.context_switch);
  CHECK(make_data_attr(live, {}).context_switch);
  CHECK(!make_data_attr(live, {}).comm);
}

TEST_CASE("the dummies take the first event's sample type so that the table stays uniform") {
  LiveRequest live;
  live.events.push_back(tracepoint());
  const uint64_t type = make_event_attr(live.events[0], {}).sample_type;
  CHECK(make_sideband_attr(live, {}).sample_type == type);
  CHECK(make_data_attr(live, {}).sample_type == type);
}

TEST_CASE("context switches happen in the kernel only, page faults do not") {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
  CHECK(is_kernel_only(attr));
  attr.config = PERF_COUNT_SW_PAGE_FAULTS_MIN;
  CHECK(!is_kernel_only(attr));
  attr.type = PERF_TYPE_HARDWARE;
  CHECK(!is_kernel_only(attr));
}

TEST_CASE("own threads are left out by one expression") {
  CHECK(make_own_filter({}).empty());
  CHECK(make_own_filter({5}) == "common_pid != 5");
  CHECK(make_own_filter({5, 61}) == "common_pid != 5 && common_pid != 61");
}
