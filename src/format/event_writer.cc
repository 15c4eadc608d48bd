#include "format/event_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "event/field_width.h"

namespace oc::format {

using base::load;
using event::Field;
using event::FieldKind;

namespace {

uint64_t load_bits(const uint8_t* p, uint32_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? static_cast<uint64_t>(int64_t{load<int8_t>(p)}) : load<uint8_t>(p);
    case 2:
      return is_signed ? static_cast<uint64_t>(int64_t{load<int16_t>(p)}) : load<uint16_t>(p);
    case 4:
      return is_signed ? static_cast<uint64_t>(int64_t{load<int32_t>(p)}) : load<uint32_t>(p);
    default:
      return load<uint64_t>(p);
  }
}

}  // namespace

bool is_hidden(std::string_view field) {
  constexpr std::array<std::string_view, 10> kCommon{"time", "cpu",    "pid",   "tid",   "comm",
                                                     "ip",   "period", "event", "stack", "args"};
  return std::find(kCommon.begin(), kCommon.end(), field) != kCommon.end();
}

EventInteger read_integer(const Field& field, const uint8_t* bytes) {
  const event::FieldWidth width = event::width_of(field);
  const bool is_hex = field.is_hex || field.kind == FieldKind::kPointer;
  const bool is_signed = width.is_signed && !is_hex;
  return {load_bits(bytes, width.size_bytes, is_signed), is_signed, is_hex};
}

void append_integer(std::string& out, const EventInteger& integer) {
  std::array<char, 24> digits;
  char* const end = digits.data() + digits.size();
  std::to_chars_result written{};
  if (integer.is_hex) {
    out += "0x";
    written = std::to_chars(digits.data(), end, integer.bits, 16);
  } else if (integer.is_signed) {
    written = std::to_chars(digits.data(), end, static_cast<int64_t>(integer.bits));
  } else {
    written = std::to_chars(digits.data(), end, integer.bits);
  }
  out.append(digits.data(), written.ptr);
}

void append_array(std::string& out, const Field& field, std::span<const uint8_t> bytes) {
  const uint32_t step = field.element_size;
  const bool is_signed = field.is_signed && !field.is_hex;
  out += '[';
  for (size_t at = 0; step != 0 && at + step <= bytes.size(); at += step) {
    if (at != 0) out += ',';
    if (field.is_hex) out += '"';
    append_integer(out, {load_bits(bytes.data() + at, step, is_signed), is_signed, field.is_hex});
    if (field.is_hex) out += '"';
  }
  out += ']';
}

void append_hex(std::string& out, std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

double read_float(std::span<const uint8_t> bytes) {
  return bytes.size() == 4 ? double{load<float>(bytes.data())} : load<double>(bytes.data());
}

base::Result<std::unique_ptr<EventWriter>> make_event_writer(EventTableFormat format,
                                                             std::vector<EventColumns> kinds,
                                                             const base::Interner& names,
                                                             Output& out) {
  if (format == EventTableFormat::kSqlite) return make_event_sqlite(std::move(kinds), names, out);
  if (format == EventTableFormat::kCsv) return make_event_csv(std::move(kinds), names, out);
  return make_event_json(std::move(kinds), names, out);
}

}  // namespace oc::format
