#pragma once

#include <cstdint>
#include <vector>

#include "machine/selection.h"

namespace oc::format {

/// A span in the order in which a format that nests by time wants it.
struct TrackSpan {
  machine::SpanId span;
  bool is_nested = true;  ///< false: it overlaps another of its thread, neither within the other
};

/// The spans of a selection by thread, then by start, outer ones first. Of two of a thread that overlap without one being
/// within the other, the later is not nested.
std::vector<TrackSpan> nest_spans(const machine::Selection& selection);

}  // namespace oc::format
