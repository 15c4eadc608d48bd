#include "event/field_width.h"

#include <bit>
#include <string_view>

namespace oc::event {

namespace {

uint32_t narrowed_size(std::string_view type) {
  if (type.starts_with("__kernel_")) type.remove_prefix(9);
  for (const std::string_view four : {"int", "pid_t", "key_t", "clockid_t", "timer_t"}) {
    if (type == four) return 4;
  }
  for (const std::string_view eight : {"long", "off_t", "loff_t", "ssize_t"}) {
    if (type == eight) return 8;
  }
  return 0;
}

}  // namespace

FieldWidth width_of(const Field& field) {
  const bool is_integer = field.kind == FieldKind::kInteger;
  const bool may_be_narrow = is_integer && field.size == 8 && !field.is_signed && !field.is_hex &&
                             std::endian::native == std::endian::little;
  const uint32_t narrow = may_be_narrow ? narrowed_size(field.type) : 0;
  if (narrow != 0) return {narrow, true};
  return {field.size, field.is_signed && !field.is_hex && is_integer};
}

}  // namespace oc::event
