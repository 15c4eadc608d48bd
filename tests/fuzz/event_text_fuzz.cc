// Lists of events as users write them, and what units say of their terms' bits.

#include <cstdlib>
#include <string_view>

#include "fuzz/target.h"
#include "perf/event_text.h"

using oc::fuzz::require;

FUZZ_TARGET(event_text, data, size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto events = oc::perf::parse_event_list(text);
  if (!events) {
    require(!events.error().what.empty());
    return 0;
  }
  require(!events->empty());
  uint32_t group = 0;
  for (const auto& event : *events) {
    require(!event.name.empty());
    require(event.modifiers.precise <= 3);
    require(event.group == 0 || event.group >= group);
    if (event.group != 0) group = event.group;
    for (const auto& term : event.terms) require(!term.name.empty());
    // What was taken is taken again, and means the same.
    const auto again = oc::perf::parse_event_list(event.text);
    require(again && again->size() == 1 && again->front().name == event.name);
  }
  return 0;
}
