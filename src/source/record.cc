#include "source/record.h"

namespace oc::source {

using event::EventTable;
using event::kAbsent;

void RecordClock::refresh() {
  const EventTable& events = events_;
  only_kind_ = events.size() == 0 ? UINT32_MAX : events.with_tail(0);
  id_end_ = events.id_offset() != kAbsent ? events.id_offset() + 8u : 0;
  one_time_end_ = UINT32_MAX;
  bool has_one_time = events.size() > 0;
  for (uint32_t i = 1; i < events.size(); ++i) {
    if (events[i].layout.time != events[0].layout.time) has_one_time = false;
  }
  if (has_one_time && events[0].layout.time != kAbsent) one_time_end_ = events[0].layout.time + 8u;
}

uint32_t RecordClock::kind_of_trailer(const uint8_t* record, uint32_t size_bytes) const {
  if (events_.size() == 0) return EventTable::kUnknown;
  uint32_t kind = 0;
  if (events_.size() > 1) {
    // perf's rule: with IDENTIFIER the id is the record's last word; otherwise SAMPLE_ID's place is the
    // same in all attrs.
    const auto& first = events_[0].layout;
    const uint16_t offset = events_.trailer_id_offset();
    if (offset != kAbsent && first.trailer_size != 0 && size_bytes >= 8u + first.trailer_size) {
      const bool last_word = first.trailer_identifier != kAbsent;
      const uint8_t* id =
          last_word ? record + size_bytes - 8 : record + size_bytes - first.trailer_size + offset;
      const uint32_t found = events_.find(base::load<uint64_t>(id));
      if (found != EventTable::kUnknown) kind = found;
    }
  }
  const auto& layout = events_[kind].layout;
  if (layout.trailer_size == 0 || size_bytes < 8u + layout.trailer_size)
    return EventTable::kUnknown;
  return kind;
}

base::Nanos RecordClock::trailer_time(const uint8_t* record, uint32_t size_bytes) const {
  const uint32_t kind = kind_of_trailer(record, size_bytes);
  if (kind == EventTable::kUnknown) return 0;
  const auto& layout = events_[kind].layout;
  if (layout.trailer_time == kAbsent) return 0;
  return base::load<uint64_t>(record + size_bytes - layout.trailer_size + layout.trailer_time);
}

}  // namespace oc::source
