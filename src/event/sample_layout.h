#pragma once

#include <linux/perf_event.h>

#include <cstdint>

namespace oc::event {

/// Offset of a field that a record does not have.
constexpr uint16_t kAbsent = 0xffff;

/// Where the fixed fields of a PERF_RECORD_SAMPLE of one attr lie, and of the id trailer that other
/// records carry when sample_id_all is set. Made once per attr, so that decoding is loads at offsets.
///
///     sample: header(8) | [IDENTIFIER] [IP] [PID TID] [TIME] [ADDR] [ID] [STREAM_ID] [CPU RES]
///             [PERIOD] | [READ] [CALLCHAIN] [RAW] [BRANCH] [REGS_USER] [STACK_USER] ...
///                        ^ `tail`: from here on places vary from record to record
///     others: header(8) | body | [PID TID] [TIME] [ID] [STREAM_ID] [CPU RES] [IDENTIFIER]
///                                ^ trailer, `trailer_size` bytes, offsets from its own start
///
/// Source: include/uapi/linux/perf_event.h, PERF_RECORD_SAMPLE and struct sample_id.
struct SampleLayout {
  uint64_t sample_type = 0;
  uint64_t read_format = 0;
  uint64_t branch_sample_type = 0;
  uint64_t regs_user = 0;
  uint64_t regs_intr = 0;

  // From the start of the record (its header).
  uint16_t identifier = kAbsent;
  uint16_t ip = kAbsent;
  uint16_t tid = kAbsent;  ///< u32 pid, u32 tid
  uint16_t time = kAbsent;
  uint16_t addr = kAbsent;
  uint16_t id = kAbsent;
  uint16_t stream_id = kAbsent;
  uint16_t cpu = kAbsent;
  uint16_t period = kAbsent;
  uint16_t tail = 8;

  // From the start of the trailer.
  uint16_t trailer_size = 0;
  uint16_t trailer_tid = kAbsent;
  uint16_t trailer_time = kAbsent;
  uint16_t trailer_id = kAbsent;
  uint16_t trailer_stream_id = kAbsent;
  uint16_t trailer_cpu = kAbsent;
  uint16_t trailer_identifier = kAbsent;

  /// RAW, when it comes first in the tail, so that its place is fixed; kAbsent otherwise.
  uint16_t raw = kAbsent;
};

/// Lays out the samples of `attr`.
SampleLayout make_layout(const perf_event_attr& attr);

}  // namespace oc::event
