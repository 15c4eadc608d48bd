#pragma once

#include <linux/perf_event.h>

#include <string>

namespace oc::source {

/// A name for an event whose recorder stored none: perf's name for its type and config, with the
/// modifiers that its exclude bits mean ("cycles:u", "cycles:HG"); "raw 0x1c2" or "pmu 8 config 0x3" otherwise.
/// Source: tools/perf/util/evsel.c evsel__name().
std::string attr_name(const perf_event_attr& attr);

}  // namespace oc::source
