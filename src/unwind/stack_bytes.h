#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace oc::unwind {

/// The kept bytes of a stack, at the live addresses where they were.
class StackBytes {
 public:
  StackBytes(uint64_t start, std::span<const uint8_t> bytes) : start_(start), bytes_(bytes) {}

  /// False when not all of the word was kept.
  bool read(uint64_t address, uint64_t& value) const {
    const uint64_t distance = address - start_;  // huge for what lies below
    if (distance > bytes_.size() || bytes_.size() - distance < sizeof value) return false;
    value = base::load<uint64_t>(bytes_.data() + distance);
    return true;
  }
  /// The same of 1, 2, 4 or 8 bytes.
  bool read(uint64_t address, uint32_t size_bytes, uint64_t& value) const {
    const uint64_t distance = address - start_;
    if (distance > bytes_.size() || bytes_.size() - distance < size_bytes || size_bytes > 8)
      return false;
    value = 0;
    std::memcpy(&value, bytes_.data() + distance, size_bytes);
    return true;
  }
  /// Brings what lies there near, if anything does.
  void fetch(uint64_t address) const {
    const uint64_t distance = address - start_;
    if (distance < bytes_.size()) __builtin_prefetch(bytes_.data() + distance);
  }

 private:
  uint64_t start_;
  std::span<const uint8_t> bytes_;
};

}  // namespace oc::unwind
