#pragma once

#include <cstdint>

#include "base/byte_sink.h"

namespace oc::format {

/// Seven bits a byte, the lowest first; the top bit says that more follow.
inline void put_varuint(base::ByteSink& sink, uint64_t value) {
  for (; value >= 0x80; value >>= 7) sink.put(static_cast<uint8_t>(value | 0x80));
  sink.put(static_cast<uint8_t>(value));
}

/// The same of a signed number, its sign in the lowest bit.
inline void put_varint(base::ByteSink& sink, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  put_varuint(sink, bits << 1 ^ (value < 0 ? ~uint64_t{0} : 0));
}

}  // namespace oc::format
