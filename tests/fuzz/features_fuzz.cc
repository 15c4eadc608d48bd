// What a trace says of itself: attrs and feature sections, in any order, number and state.
//
//     flags u8 (1: the other byte order, 2: more events may follow)
//     any number of { section u8, size u16, bytes }; section 0 is the body of an ATTR record
//
// A section that is longer than what is left has what is left.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/bytes.h"
#include "fuzz/target.h"
#include "source/trace_header.h"

using oc::fuzz::require;

using oc::base::ByteOrder;
using oc::source::TraceHeader;

namespace {

void add_sections(TraceHeader& header, oc::base::Bytes bytes) {
  while (bytes.remaining() >= 3) {
    const auto number = bytes.read<uint8_t>();
    const auto size = bytes.read<uint16_t>();
    const auto section = bytes.take(std::min<size_t>(size, bytes.remaining()));
    if (number == 0) {
      header.add_attr_record(section);
    } else {
      header.add_feature(number, section);
    }
  }
}

void check(const TraceHeader& header) {
  require(header.events().size() == header.attr_count());
  for (uint32_t i = 0; i < header.events().size(); ++i) require(!header.events()[i].name.empty());
  for (const auto& build : header.facts().build_ids) require(build.id.size() <= 20);
}

}  // namespace

FUZZ_TARGET(features, data, size) {
  if (size == 0) return 0;
  TraceHeader header("fuzz");
  if ((data[0] & 1) != 0) header.set_order(ByteOrder::kOther);
  add_sections(header, oc::base::Bytes(std::span(data + 1, size - 1)));
  const bool has_events = header.attr_count() != 0;
  require(bool(header.finish((data[0] & 2) != 0)) == has_events);
  if (has_events) check(header);
  for (const auto& note : header.notes()) require(!note.empty());
  return 0;
}
