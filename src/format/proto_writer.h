#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace oc::format {

/// The fields of one protobuf message, as bytes. https://protobuf.dev/programming-guides/encoding
///
///     field << 3 | 0, varint       field << 3 | 1, 8 bytes       field << 3 | 2, length, bytes: text, message, packed
///
/// Own code instead of libprotobuf, which costs each start of the program 2 ms and each sample an object: what is
/// written here goes out as it is made. Fields that are 0 or empty are written when asked for: whoever wants proto3's
/// defaults leaves them out. One message inside another is made in a writer of its own, which is used again.
class ProtoWriter {
 public:
  void varint(uint32_t field, uint64_t value) {
    put(uint64_t{field} << 3);
    put(value);
  }
  /// int32 and int64 of proto3: negative ones take ten bytes.
  void integer(uint32_t field, int64_t value) { varint(field, static_cast<uint64_t>(value)); }
  /// sint32 and sint64.
  void zigzag(uint32_t field, int64_t value) {
    varint(field, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }
  void fixed64(uint32_t field, uint64_t value) {
    put(uint64_t{field} << 3 | 1);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void number(uint32_t field, double value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    fixed64(field, bits);
  }
  /// Of `string` fields: UTF-8, or readers refuse the message.
  void text(uint32_t field, std::string_view text) {
    put(uint64_t{field} << 3 | 2);
    put(text.size());
    bytes_ += text;
  }
  void message(uint32_t field, const ProtoWriter& inner) { text(field, inner.bytes_); }
  /// A repeated field of numbers.
  template <typename Numbers>
  void packed(uint32_t field, const Numbers& numbers) {
    size_t size = 0;
    for (const auto number : numbers) size += size_of(static_cast<uint64_t>(number));
    put(uint64_t{field} << 3 | 2);
    put(size);
    for (const auto number : numbers) put(static_cast<uint64_t>(number));
  }

  /// Fields that another writer made.
  void append(std::string_view fields) { bytes_ += fields; }

  /// Owned by the writer, until it is written to again.
  std::string_view bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }

 private:
  static size_t size_of(uint64_t value) {
    size_t size = 1;
    while (value >= 0x80) value >>= 7, ++size;
    return size;
  }
  void put(uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace oc::format
