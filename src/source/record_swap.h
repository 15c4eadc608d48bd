#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "event/event_table.h"

namespace oc::source {

/// Turns the fields of a tracepoint's payloads; those that overlap are turned once.
///
/// Which these are is found out once. Of dynamic fields the kernel puts the data behind all fixed fields, in the
/// order of the fields; what lies elsewhere is damaged and stays.
class PayloadSwapper {
 public:
  explicit PayloadSwapper(const event::EventFormat& format);
  void swap(std::span<uint8_t> payload) const;

 private:
  struct Step {
    size_t at;
    size_t size_bytes;  ///< 0: up to the end
    uint32_t element;   ///< bytes of one number
  };
  /// A step that is in no earlier one's bytes.
  void add(const Step& step);

  std::vector<Step> steps_;
  std::vector<event::Field> arrays_;  ///< dynamic ones of numbers
};

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
  /// `events` outlives this and is finished; its attrs are of this machine's order.
  explicit RecordSwapper(const event::EventTable& events);

  /// Requires: the record's header gives just this size, and its type is one of the kernel's.
  void swap(std::span<uint8_t> record) const;

 private:
  void swap_sample(std::span<uint8_t> record) const;
  /// Returns the size of the trailer.
  size_t swap_trailer(std::span<uint8_t> record) const;
  uint32_t kind_with_id(std::span<const uint8_t> record, size_t id_at) const;

  const event::EventTable& events_;
  std::vector<std::optional<PayloadSwapper>> payloads_;  ///< by kind
};

/// The flags of a branch (PERF_SAMPLE_BRANCH_STACK) whose word has been turned, as this order numbers them.
uint64_t swapped_branch_flags(uint64_t flags);

}  // namespace oc::source
