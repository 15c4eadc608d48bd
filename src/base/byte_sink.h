#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace oc::base {

/// Bytes that are being written, in host order: the other half of `Bytes`.
class ByteSink {
 public:
  template <typename T>
  void put(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  /// Overwrites what was put at `at`. Requires: it is there.
  template <typename T>
  void patch(size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void put_bytes(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void put_text(std::string_view text) {
    const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
    bytes_.insert(bytes_.end(), begin, begin + text.size());
  }
  void put_zeros(size_t count) { bytes_.resize(bytes_.size() + count); }
  /// Zeros up to the next multiple of `unit`.
  void align(size_t unit) { put_zeros((unit - bytes_.size() % unit) % unit); }

  size_t size() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }
  /// Owned by the sink, until it is written to again.
  std::span<const uint8_t> bytes() const { return bytes_; }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace oc::base
