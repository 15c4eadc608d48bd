#pragma once

#include <concepts>

#include "base/bytes.h"

namespace oc::base {

/// In which byte order numbers were written: in that of this machine, or in the other one.
enum class ByteOrder : uint8_t { kHost, kOther };

/// `value` with its bytes turned around.
template <std::integral T>
constexpr T swapped(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

/// Turns the bytes of the `T` at `p` around. Requires: sizeof(T) writable bytes.
template <std::integral T>
void swap_at(uint8_t* p) {
  const T value = swapped(load<T>(p));
  std::memcpy(p, &value, sizeof value);
}

/// A Bytes whose numbers may be of the other byte order.
class OrderedBytes : public Bytes {
 public:
  OrderedBytes(std::span<const uint8_t> bytes, ByteOrder order) : Bytes(bytes), order_(order) {}

  template <std::integral T>
  T read() {
    const T value = Bytes::read<T>();
    return order_ == ByteOrder::kHost ? value : swapped(value);
  }
  ByteOrder order() const { return order_; }

 private:
  ByteOrder order_;
};

}  // namespace oc::base
