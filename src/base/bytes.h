#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace oc::base {

/// Reads a `T` at `p`, at any alignment. Requires: sizeof(T) readable bytes.
template <typename T>
inline T load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// A bounds-checked cursor over foreign bytes in host byte order.
///
/// Reading past the end sets `failed()` and yields zeros; it stays failed, so that a parser may read
/// a whole structure and check once. Never owns: the bytes outlive the cursor.
class Bytes {
 public:
  Bytes() = default;
  Bytes(const uint8_t* data, size_t size_bytes)
      : begin_(data), at_(data), end_(data + size_bytes) {}
  explicit Bytes(std::span<const uint8_t> bytes) : Bytes(bytes.data(), bytes.size()) {}

  template <typename T>
  T read() {
    if (remaining() < sizeof(T)) return fail<T>();
    T value = load<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  /// The next `size_bytes` bytes; empty and failed when there are fewer.
  std::span<const uint8_t> take(uint64_t size_bytes) {
    if (remaining() < size_bytes) return fail<std::span<const uint8_t>>();
    std::span<const uint8_t> bytes(at_, static_cast<size_t>(size_bytes));
    at_ += size_bytes;
    return bytes;
  }

  /// The next `size_bytes` bytes as text.
  std::string_view text(uint64_t size_bytes) {
    const auto bytes = take(size_bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// Text up to a NUL, which is consumed; failed when there is none before the end.
  std::string_view c_string() {
    const void* nul = remaining() ? std::memchr(at_, 0, remaining()) : nullptr;
    if (nul == nullptr) return fail<std::string_view>();
    const auto length = static_cast<size_t>(static_cast<const uint8_t*>(nul) - at_);
    std::string_view value(reinterpret_cast<const char*>(at_), length);
    at_ += length + 1;
    return value;
  }

  void skip(uint64_t size_bytes) { take(size_bytes); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  const uint8_t* at() const { return at_; }
  bool failed() const { return failed_; }

 private:
  template <typename T>
  T fail() {
    failed_ = true;
    at_ = end_;
    return T{};
  }

  const uint8_t* begin_ = nullptr;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool failed_ = false;
};

/// Text of at most `capacity` bytes that ends at the first NUL, if any.
inline std::string_view bounded_text(const uint8_t* p, size_t capacity) {
  const auto* text = reinterpret_cast<const char*>(p);
  return {text, capacity == 0 ? 0 : strnlen(text, capacity)};  // no bytes may be a null pointer
}

}  // namespace oc::base
