#include "event/record_text.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "base/bytes.h"
#include "event/field_bytes.h"

namespace oc::event {

namespace {

using base::load;

uint64_t load_unsigned(const uint8_t* p, uint32_t size) {
  switch (size) {
    case 1:
      return load<uint8_t>(p);
    case 2:
      return load<uint16_t>(p);
    case 4:
      return load<uint32_t>(p);
    default:
      return load<uint64_t>(p);
  }
}

int64_t load_signed(const uint8_t* p, uint32_t size) {
  switch (size) {
    case 1:
      return load<int8_t>(p);
    case 2:
      return load<int16_t>(p);
    case 4:
      return load<int32_t>(p);
    default:
      return load<int64_t>(p);
  }
}

/// One integer of 1, 2, 4 or 8 bytes.
void append_integer(const Field& field, const uint8_t* p, uint32_t size, std::string& out) {
  auto to = std::back_inserter(out);
  if (field.is_hex) {
    fmt::format_to(to, "{:#x}", load_unsigned(p, size));
  } else if (field.is_signed) {
    fmt::format_to(to, "{}", load_signed(p, size));
  } else {
    fmt::format_to(to, "{}", load_unsigned(p, size));
  }
}

void append_chars(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
    } else {
      out += c;
    }
  }
}

void append_array(const Field& field, std::span<const uint8_t> bytes, std::string& out) {
  const uint32_t step = field.element_size;
  out += '{';
  for (size_t at = 0; at + step <= bytes.size(); at += step) {
    if (at != 0) out += ", ";
    append_integer(field, bytes.data() + at, step, out);
  }
  out += '}';
}

void append_float(std::span<const uint8_t> bytes, std::string& out) {
  const double value =
      bytes.size() == 4 ? double{load<float>(bytes.data())} : load<double>(bytes.data());
  fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace

void append_value(const Field& field, std::span<const uint8_t> payload, std::string& out) {
  const FieldBytes found = field_bytes(field, payload);
  if (found.damage != FieldBytes::Damage::kNone) {
    out += found.damage == FieldBytes::Damage::kTruncated ? "<truncated>" : "<bad offset>";
    return;
  }
  switch (field.kind) {
    case FieldKind::kInteger:
    case FieldKind::kBool:
    case FieldKind::kPointer:
      append_integer(field, found.data, field.size, out);
      break;
    case FieldKind::kFloat:
      append_float(found.bytes(), out);
      break;
    case FieldKind::kChars:
    case FieldKind::kDynamicChars:
      if (found.size != 0) append_chars(base::bounded_text(found.data, found.size), out);
      break;
    case FieldKind::kArray:
    case FieldKind::kDynamicArray:
      append_array(field, found.bytes(), out);
      break;
    case FieldKind::kBytes:
    case FieldKind::kDynamicBytes:
      for (const uint8_t byte : found.bytes()) {
        fmt::format_to(std::back_inserter(out), "{:02x}", byte);
      }
      break;
  }
}

void append_text(const EventFormat& format, std::span<const uint8_t> payload, std::string& out) {
  bool is_first = true;
  for (const Field& field : format.fields) {
    if (field.is_common) continue;
    if (!is_first) out += ' ';
    is_first = false;
    out += field.name;
    out += '=';
    append_value(field, payload, out);
  }
}

}  // namespace oc::event
