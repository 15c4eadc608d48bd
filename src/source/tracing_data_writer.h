#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace oc::source {

/// What a TRACING_DATA blob is made of: texts as tracefs has them.
struct TracingTexts {
  std::string header_page;
  std::string header_event;
  /// By system ("sched"): the format texts of its events.
  std::map<std::string, std::vector<std::string>> formats;
  std::string printk_formats;
  std::string saved_cmdlines;
  uint32_t page_bytes = 4096;
};

/// The blob in the form that `parse_tracing_data` and perf read: version 0.6, without kallsyms, as perf since 3.19.
/// The layout is in tracing_data.h.
std::vector<uint8_t> make_tracing_data(const TracingTexts& texts);

}  // namespace oc::source
