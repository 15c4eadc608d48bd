#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <span>

#include "base/byte_order.h"

namespace oc::source {

/// The least size that an attr ever had (PERF_ATTR_SIZE_VER0).
constexpr uint64_t kMinAttrBytes = 64;

/// The attr that was stored as `bytes`: of any size, fields that are not there are 0, those that this
/// program does not know are left out. Of the other byte order, its bit fields are turned around too: there
/// the first bit is the highest. Source: include/uapi/linux/perf_event.h.
perf_event_attr read_attr(std::span<const uint8_t> bytes, base::ByteOrder order);

}  // namespace oc::source
