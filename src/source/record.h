#pragma once

#include <linux/perf_event.h>

#include <cstdint>

#include "base/bytes.h"
#include "base/id.h"
#include "event/event_table.h"

namespace oc::source {

/// The first 8 bytes of every record.
struct RecordHeader {
  uint32_t type;
  uint16_t misc;
  uint16_t size_bytes;
};

inline RecordHeader record_header(const uint8_t* record) {
  return base::load<RecordHeader>(record);
}

/// First type number of the records that tools write and the kernel does not
/// (tools/lib/perf/include/perf/event.h).
constexpr uint32_t kFirstUserType = 64;

/// simpleperf's own records begin here; where others have `misc`, theirs have the upper half of the size
/// (system/extras simpleperf/record.h).
constexpr uint32_t kFirstSimpleperfType = 32768;

/// Bytes of a record of a tool beyond what its 16-bit size says.
inline uint64_t further_bytes(const RecordHeader& header) {
  return header.type > kFirstSimpleperfType ? uint64_t{header.misc} << 16 : 0;
}

/// Tells for a record which kind it belongs to and when it was made. Hot: called per record, twice.
///
/// Requires: the record's `size_bytes` bytes are readable and at least 8.
class RecordClock {
 public:
  explicit RecordClock(const event::EventTable& events) : events_(events) { refresh(); }
  /// The table has more kinds or ids.
  void refresh();

  /// The kind of a PERF_RECORD_SAMPLE; EventTable::kUnknown when its id belongs to no attr or the record
  /// is too short for its layout.
  uint32_t kind_of_sample(const uint8_t* record, uint32_t size_bytes) const {
    uint32_t kind = only_kind_;
    if (id_end_ != 0) {
      if (size_bytes < id_end_) return event::EventTable::kUnknown;
      kind = events_.find_with_tail(base::load<uint64_t>(record + id_end_ - 8));
    }
    return size_bytes >= kind >> 16 ? kind & 0xffff : event::EventTable::kUnknown;
  }

  /// Time of a sample of `kind`; 0 when it has none.
  base::Nanos sample_time(const uint8_t* record, uint32_t kind) const {
    if (kind == event::EventTable::kUnknown) return 0;
    const uint16_t offset = events_[kind].layout.time;
    return offset == event::kAbsent ? 0 : base::load<uint64_t>(record + offset);
  }

  /// The kind whose trailer another kernel record carries (its layout applies); kUnknown: no trailer.
  uint32_t kind_of_trailer(const uint8_t* record, uint32_t size_bytes) const;

  /// Time of any kernel record; 0 when it has none, so that it is delivered at once, as perf does.
  base::Nanos time(const uint8_t* record, const RecordHeader& header) const {
    base::Nanos time = 0;
    if (header.type != PERF_RECORD_SAMPLE) {
      time = trailer_time(record, header.size_bytes);
    } else if (header.size_bytes >= one_time_end_) {
      time = base::load<uint64_t>(record + one_time_end_ -
                                  8);  // nearly all records of nearly all traces
    } else {
      time = sample_time(record, kind_of_sample(record, header.size_bytes));
    }
    return time == ~0ull ? 0 : time;
  }

  /// Where the time of every sample ends, from the record's start; larger than any record when it
  /// differs from kind to kind.
  uint32_t one_time_end() const { return one_time_end_; }

  const event::EventTable& events() const { return events_; }

 private:
  base::Nanos trailer_time(const uint8_t* record, uint32_t size_bytes) const;

  const event::EventTable& events_;
  uint32_t only_kind_ = 0;  ///< with its tail, when samples carry no id
  uint32_t id_end_ = 0;     ///< where the id of a sample ends; 0: there are none
  /// Where the time ends, when all kinds have it at one place; otherwise larger than any record.
  uint32_t one_time_end_ = UINT32_MAX;
};

}  // namespace oc::source
