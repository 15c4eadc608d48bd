#pragma once

#include <cstdint>

namespace oc::base {

/// A small integer that names one thing of kind `Tag`; 0 means none.
template <typename Tag>
struct Id {
  uint32_t value = 0;
  explicit operator bool() const { return value != 0; }
  friend bool operator==(Id a, Id b) { return a.value == b.value; }
};

using StringId = Id<struct StringTag>;

/// Nanoseconds of the trace's clock (CLOCK_MONOTONIC for what we record).
using Nanos = uint64_t;

}  // namespace oc::base
