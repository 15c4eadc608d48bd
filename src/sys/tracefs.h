#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event_format.h"

namespace oc::sys {

/// Finds where tracefs is mounted: /sys/kernel/tracing, /sys/kernel/debug/tracing, or wherever
/// /proc/self/mounts says. `prefix` goes before every path, for tests.
/// Errors: mounted nowhere, or not readable; the hint is the command to type.
base::Result<std::string> find_tracefs(const std::string& prefix = {});

/// The kernel's list of tracepoints and their formats, under one root folder.
///
/// Holds only the path: every call reads the files as they are now, as probes come and go.
class Tracefs {
 public:
  /// `root` is what `find_tracefs` returned, or a folder of a test that looks like it.
  explicit Tracefs(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }

  /// The names "system:name" that match `glob`, sorted. A glob without a colon is matched against
  /// the name alone: "sched_*". No match is an empty list. Errors: the folder cannot be read.
  base::Result<std::vector<std::string>> list_events(const std::string& glob = "*") const;

  /// Reads the format of "system:name". Errors: no such event, with the nearest names as a hint;
  /// not readable; a text that cannot be parsed.
  base::Result<event::EventFormat> load_format(std::string_view event) const;

 private:
  base::Result<std::vector<std::string>> all_events() const;
  base::Error unknown_event(std::string_view event) const;

  std::string root_;
};

}  // namespace oc::sys
