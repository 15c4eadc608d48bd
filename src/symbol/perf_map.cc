#include "symbol/perf_map.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace oc::symbol {
namespace {

bool read_number(std::string_view& line, uint64_t& number) {
  if (line.starts_with("0x") || line.starts_with("0X")) line.remove_prefix(2);
  const auto read = std::from_chars(line.data(), line.data() + line.size(), number, 16);
  if (read.ec != std::errc()) return false;
  line.remove_prefix(static_cast<size_t>(read.ptr - line.data()));
  const size_t blanks = line.find_first_not_of(" \t");
  if (blanks == 0 || blanks == line.npos) return false;
  line.remove_prefix(blanks);
  return true;
}

}  // namespace

PerfMap::PerfMap(std::string_view text) : text_(text.begin(), text.end()) {
  std::vector<Range> ranges;
  for (std::string_view rest(text_.data(), text_.size()); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    Entry entry;
    const bool is_good = read_number(line, entry.start) && read_number(line, entry.size_bytes) &&
                         entry.size_bytes != 0 &&
                         entry.size_bytes <= std::numeric_limits<uint64_t>::max() - entry.start;
    entry.name = line;
    if (!is_good || entries_.size() >= Segments::kNothing) {
      ++skipped_;
      continue;
    }
    const auto index = static_cast<uint32_t>(entries_.size());
    ranges.push_back({entry.start, entry.start + entry.size_bytes, index, index});
    entries_.push_back(entry);
  }
  segments_ = Segments(std::move(ranges));
}

const PerfMap::Entry* PerfMap::find(uint64_t address) const {
  const uint32_t index = segments_.find(address);
  return index == Segments::kNothing ? nullptr : &entries_[index];
}

}  // namespace oc::symbol
