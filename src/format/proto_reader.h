#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace oc::format {

/// The fields of one protobuf message in foreign bytes, in the order in which they stand there.
///
///     while (reader.next()) switch (reader.field()) { case 1: … reader.value(); case 2: … reader.bytes(); }
///
/// Ends at the first field that is damaged: then `is_damaged`. Never owns.
class ProtoReader {
 public:
  explicit ProtoReader(std::span<const uint8_t> message) : at_(message) {}

  /// False: the message ends, or what follows is no field.
  bool next() {
    if (at_.remaining() == 0 || at_.failed()) return false;
    field_at_ = at_.offset();
    value_ = 0;
    bytes_ = {};
    const uint64_t key = varint();
    field_ = static_cast<uint32_t>(key >> 3);
    wire_ = static_cast<uint8_t>(key & 7);
    bool is_field = key >> 3 != 0 && key >> 3 < 1u << 29;
    if (wire_ == 0) {
      value_ = varint();
    } else if (wire_ == 1) {
      value_ = at_.read<uint64_t>();
    } else if (wire_ == 2) {
      bytes_ = at_.take(varint());
    } else if (wire_ == 5) {
      value_ = at_.read<uint32_t>();
    } else {
      is_field = false;  // groups, which nobody writes any more
    }
    is_damaged_ = !is_field || at_.failed();
    if (is_damaged_) at_.skip(at_.remaining());
    return !is_damaged_;
  }

  uint32_t field() const { return field_; }
  bool has_length() const { return wire_ == 2; }
  bool is_varint() const { return wire_ == 0; }
  uint64_t value() const { return value_; }                  ///< of a number; 0 for other fields
  std::span<const uint8_t> bytes() const { return bytes_; }  ///< of what has a length
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  /// Calls `visit` with each number of a repeated field: packed, or this one alone. False: they end in damage.
  template <typename Visit>
  bool for_each_number(Visit visit) {
    if (wire_ != 2) {
      visit(value_);
      return true;
    }
    base::Bytes outer = at_;
    at_ = base::Bytes(bytes_);
    while (at_.remaining() != 0) {
      const uint64_t number = varint();
      if (!at_.failed()) visit(number);
    }
    const bool is_whole = !at_.failed();
    at_ = outer;
    return is_whole;
  }
  bool is_damaged() const { return is_damaged_; }
  /// Where the last field began.
  size_t field_offset() const { return field_at_; }

 private:
  /// More than ten bytes are damage; of the tenth one bit counts.
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = at_.read<uint8_t>();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    at_.skip(at_.remaining() + 1);
    return 0;
  }

  base::Bytes at_;
  std::span<const uint8_t> bytes_;
  uint64_t value_ = 0;
  size_t field_at_ = 0;
  uint32_t field_ = 0;
  uint8_t wire_ = 0;
  bool is_damaged_ = false;
};

}  // namespace oc::format
