#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace oc::elf {

/// An unsigned LEB128 number (DWARF 5, section 7.6); bits beyond the 64th are dropped. Failed when it is cut off.
inline uint64_t read_uleb128(base::Bytes& bytes) {
  uint64_t value = 0;
  for (uint32_t shift = 0;; shift += 7) {
    const auto byte = bytes.read<uint8_t>();
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

/// A signed LEB128 number.
inline int64_t read_sleb128(base::Bytes& bytes) {
  uint64_t value = 0;
  uint32_t shift = 0;
  uint8_t byte = 0;
  do {
    byte = bytes.read<uint8_t>();
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    shift += 7;
  } while ((byte & 0x80) != 0);
  if (shift < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << shift;
  return static_cast<int64_t>(value);
}

/// An address of this size; 0 and failed for sizes that no machine has.
inline uint64_t read_address(base::Bytes& bytes, uint8_t size_bytes) {
  if (size_bytes == 8) return bytes.read<uint64_t>();
  if (size_bytes == 4) return bytes.read<uint32_t>();
  bytes.skip(~uint64_t{0});
  return 0;
}

/// What the relative encodings of pointers count from.
struct PointerBases {
  uint64_t here = 0;  ///< the address as linked of the pointer itself
  uint64_t data = 0;  ///< of .eh_frame_hdr, in its table
  uint8_t address_size = 8;
};

/// A pointer as DW_EH_PE_* says (LSB 5.0, section 10.5.1). Fails the cursor on encodings that stand in no place where
/// addresses of code are: text and function relative, aligned, through a pointer.
uint64_t read_encoded(base::Bytes& bytes, uint8_t encoding, const PointerBases& bases);
/// Only its number, without the base: the size of a range.
uint64_t read_encoded_value(base::Bytes& bytes, uint8_t encoding, uint8_t address_size);

}  // namespace oc::elf
