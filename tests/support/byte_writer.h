#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace oc::test {

using ByteVector = std::vector<uint8_t>;

/// Appends values in host byte order: the other side of base::Bytes.
class ByteWriter {
 public:
  template <typename T>
  ByteWriter& put(T value) {
    const auto* const first = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), first, first + sizeof value);
    return *this;
  }
  ByteWriter& u16(uint64_t value) { return put(static_cast<uint16_t>(value)); }
  ByteWriter& u32(uint64_t value) { return put(static_cast<uint32_t>(value)); }
  ByteWriter& u64(uint64_t value) { return put(value); }
  ByteWriter& add(std::span<const uint8_t> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  ByteWriter& text(std::string_view more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  /// Zeros up to a multiple of `unit`.
  ByteWriter& pad(size_t unit = 8) {
    while (bytes.size() % unit != 0) bytes.push_back(0);
    return *this;
  }

  ByteVector bytes;
};

/// Overwrites bytes of what was written already. Requires: they are there.
template <typename T>
void poke(ByteVector& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace oc::test
