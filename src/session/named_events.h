#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"

namespace oc::session {

/// Finds events of a trace that is not live by the names that a user gives: by index of its table.
///
/// "sched:sched_switch", "cycles" (recorded as cycles:ppp), a glob, a list or group of these, "syscall:NAME".
class NamedEvents {
 public:
  explicit NamedEvents(const event::EventTable& events) : events_(events) {}

  /// Errors name what `trace` holds. `how_to_record`: a hint may say how to get the event.
  base::Result<std::vector<uint32_t>> resolve(const std::string& name, const std::string& trace,
                                              bool how_to_record) const;
  /// Sorted, each once.
  std::vector<std::string> names(const std::string& glob) const;

 private:
  std::vector<uint32_t> find(const std::string& name) const;
  base::Error no_such_event(const std::string& name, const std::string& trace,
                            bool how_to_record) const;

  const event::EventTable& events_;
};

}  // namespace oc::session
