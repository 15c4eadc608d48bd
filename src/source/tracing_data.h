#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event_format.h"

namespace oc::source {

/// The text of one event's format inside a TRACING_DATA blob; not parsed yet.
struct FormatText {
  uint32_t id = 0;
  std::string_view system;  ///< "sched"; "ftrace" for the formats of ftrace itself
  std::string_view name;    ///< "sched_switch"
  std::string_view text;
};

/// What perf stores about the recorded kernel's tracepoints: header feature 1 or user record 66.
///
///     \x17\x08\x44 "tracing" | "0.6\0" | endian u8 | long size u8 | page size u32
///     "header_page\0"  size u64, text
///     "header_event\0" size u64, text
///     ftrace formats   count u32, count x { size u64, text }
///     systems          count u32, count x { name\0, count u32, count x { size u64, text } }
///     kallsyms         size u32, text          printk formats   size u32, text
///     saved cmdlines   size u64, text          (since version 0.6)
///
/// Passive data. All views are Owned by the blob, which must stay mapped. A file may carry hundreds
/// of formats of which few are used, so only names and ids are looked at; `load_format` parses one.
/// Source: kernel tools/perf/util/trace-event-{info,read}.c.
struct TracingData {
  std::string version;         ///< "0.5", "0.6"
  bool is_big_endian = false;  ///< of the recorded machine
  uint32_t long_size = 8;      ///< of the recorded kernel, which may differ from that of its perf
  uint32_t page_size = 0;
  std::vector<FormatText>
      formats;  ///< by ascending id; of several with one id the first in the blob
  std::string_view kallsyms;
  std::string_view printk_formats;
  std::string_view saved_cmdlines;  ///< lines "PID COMM"
  std::vector<std::string> notes;   ///< damage, each with its offset in the blob

  /// Null when the blob has no such event. Owned by this object.
  const FormatText* find(uint32_t id) const;
  const FormatText* find(std::string_view system, std::string_view name) const;
  /// Parses the format with this id. Errors: no such id, a text that cannot be parsed.
  base::Result<event::EventFormat> load_format(uint32_t id) const;
};

/// Reads a blob. A truncated or damaged one yields everything before the damage, and a note.
/// Errors: it does not start with the magic.
base::Result<TracingData> parse_tracing_data(std::span<const uint8_t> blob);

}  // namespace oc::source
