#pragma once

#include <cstdint>
#include <span>

#include "event/event_table.h"

namespace oc::source {

/// Turns records of the other byte order into records of this machine's, in place.
///
///     record:  header (already turned) | body by its type | trailer by the attrs
///     sample:  fixed words | READ … AUX by sample_type | RAW by the tracepoint's format
///
/// Texts, build ids, copied stacks and AUX data are bytes and stay. Pieces of 32 bits (pid and tid, cpu)
/// are turned one by one; a branch's flags are bit fields, which the other order numbers from the top. RAW
/// data of events without a format stay as they are: nobody knows what they hold. What is cut off stays.
/// Source: include/uapi/linux/perf_event.h; tools/perf/util/evsel.c.
class RecordSwapper {
 public:
  /// `events` outlives this; its attrs are of this machine's order.
  explicit RecordSwapper(const event::EventTable& events) : events_(events) {}

  /// Requires: the record's header gives just this size, and its type is one of the kernel's.
  void swap(std::span<uint8_t> record) const;

 private:
  void swap_sample(std::span<uint8_t> record) const;
  /// Returns the size of the trailer.
  size_t swap_trailer(std::span<uint8_t> record) const;
  uint32_t kind_with_id(std::span<const uint8_t> record, size_t id_at) const;

  const event::EventTable& events_;
};

/// Turns the fields of a tracepoint's payload; those that overlap are turned once.
void swap_payload(const event::EventFormat& format, std::span<uint8_t> payload);

/// The flags of a branch (PERF_SAMPLE_BRANCH_STACK) whose word has been turned, as this order numbers them.
uint64_t swapped_branch_flags(uint64_t flags);

}  // namespace oc::source
