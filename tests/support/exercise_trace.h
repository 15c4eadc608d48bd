#pragma once

#include <cstdint>

#include "source/recorded_trace.h"

namespace oc::test {

/// What reading a trace to its end gave.
struct Exercise {
  uint64_t events = 0;
  uint64_t records = 0;
  uint64_t checksum = 0;  ///< of all bytes that were touched
};

/// Decodes all of `trace`, wanting every kind, and touches each byte that a script could reach: records,
/// payloads, fields, tails, names. Ends the process where an invariant of the decoder does not hold.
Exercise exercise(const source::RecordedTrace& trace);

}  // namespace oc::test
