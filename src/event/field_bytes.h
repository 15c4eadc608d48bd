#pragma once

#include <cstdint>
#include <span>

#include "event/event_format.h"

namespace oc::event {

/// Where the bytes of one field of one payload are, or why they are not there.
struct FieldBytes {
  enum class Damage : uint8_t {
    kNone,
    kTruncated,  ///< the payload ends before the field's fixed part does
    kBadOffset,  ///< a dynamic field points outside the payload
  };

  const uint8_t* data = nullptr;
  uint32_t size = 0;
  Damage damage = Damage::kNone;

  /// Lent: valid as long as the payload.
  std::span<const uint8_t> bytes() const { return {data, size}; }
};

/// Finds the bytes of `field` in `payload`, following __data_loc and __rel_loc and checking every
/// bound.
///
/// A dynamic field of length 0 is empty and whole, wherever it points. A field that reaches to the
/// end of the payload (size 0) may include the padding that perf adds to raw data. No allocation.
/// Source of the layout: kernel include/trace/stages/stage5_get_offsets.h.
FieldBytes field_bytes(const Field& field, std::span<const uint8_t> payload);

}  // namespace oc::event
