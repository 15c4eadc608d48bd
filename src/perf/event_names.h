#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace oc::perf {

/// One of perf's names for an event that needs no tracefs, as `oc list events` shows it.
struct NamedEvent {
  std::string_view name;
  std::string_view alias;  ///< perf's other name; may be empty
  uint32_t type = 0;       ///< PERF_TYPE_SOFTWARE or PERF_TYPE_HARDWARE
  uint64_t config = 0;
  std::string_view what;  ///< one line
};

/// All of them: software, then hardware. Static.
std::span<const NamedEvent> named_events();

/// By name or alias; null when there is none. Static.
const NamedEvent* find_named_event(std::string_view name);

}  // namespace oc::perf
