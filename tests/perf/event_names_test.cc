#include "perf/event_names.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>
#include <set>

using namespace oc::perf;

TEST_CASE("events are found by perf's names and by its aliases") {
  for (const auto& [name, type, config] : std::vector<std::tuple<const char*, uint32_t, uint64_t>>{
           {"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
           {"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
           {"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
           {"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
           {"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
           {"branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
           {"stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND}}) {
    const NamedEvent* event = find_named_event(name);
    INFO(name);
    REQUIRE(event != nullptr);
    CHECK(event->type == type);
    CHECK(event->config == config);
  }
}

TEST_CASE("an unknown name, an empty one and half a name are not found") {
  CHECK(find_named_event("cycle") == nullptr);
  CHECK(find_named_event("") == nullptr);
  CHECK(find_named_event("sched:sched_switch") == nullptr);
}

TEST_CASE("every event has one name of its own and a description") {
  std::set<std::string_view> names;
  for (const NamedEvent& event : named_events()) {
    CHECK(names.insert(event.name).second);
    if (!event.alias.empty()) CHECK(names.insert(event.alias).second);
    CHECK(!event.what.empty());
  }
}
