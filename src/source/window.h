#pragma once

#include "base/id.h"

namespace oc::source {

/// A stretch of the time of a trace, in ns of its clock; both ends belong to it.
///
/// ~0 is no time (perf's word for "none"), so it lies in no window.
struct Window {
  static constexpr base::Nanos kNoEnd = ~0ull - 1;

  base::Nanos from = 0;
  base::Nanos to = kNoEnd;  ///< not before `from`

  bool is_all() const { return from == 0 && to == kNoEnd; }
  /// One comparison: what lies before wraps around to beyond the width.
  bool has(base::Nanos time) const { return time - from <= to - from; }
};

}  // namespace oc::source
