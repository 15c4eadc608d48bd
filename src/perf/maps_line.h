#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace oc::perf {

/// A line of /proc/PID/maps.
struct MapsLine {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t prot = 0;   ///< PROT_*
  uint32_t flags = 0;  ///< MAP_SHARED or MAP_PRIVATE
  uint64_t offset = 0;
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t inode = 0;
  uint64_t generation = 0;  ///< of the inode, where a record tells it; such a line does not
  std::string_view path;    ///< of the line's text
};
/// False when `line` is none.
bool parse_maps_line(std::string_view line, MapsLine& out);

/// Takes a number and what follows it up to and with `end` off `text`; false when it is none.
template <typename T>
bool take_number(std::string_view& text, T& value, int base, char end) {
  const auto [at, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (problem != std::errc() || at == text.data() + text.size() || *at != end) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()) + 1);
  return true;
}

}  // namespace oc::perf
