#include "event/field_bytes.h"

#include "base/bytes.h"

namespace oc::event {

FieldBytes field_bytes(const Field& field, std::span<const uint8_t> payload) {
  using Damage = FieldBytes::Damage;
  const uint64_t fixed_end = uint64_t{field.offset} + field.size;
  if (fixed_end > payload.size()) return {nullptr, 0, Damage::kTruncated};

  if (field.kind >= FieldKind::kDynamicChars) {
    if (field.size < sizeof(uint32_t)) return {nullptr, 0, Damage::kBadOffset};
    const auto location = base::load<uint32_t>(payload.data() + field.offset);
    const uint32_t size = location >> 16;
    uint64_t offset = location & 0xffff;
    if (field.is_relative) offset += fixed_end;
    if (size == 0) return {};
    if (offset + size > payload.size()) return {nullptr, 0, Damage::kBadOffset};
    return {payload.data() + offset, size, Damage::kNone};
  }
  const uint64_t size = field.size != 0 ? field.size : payload.size() - field.offset;
  return {payload.data() + field.offset, static_cast<uint32_t>(size), Damage::kNone};
}

}  // namespace oc::event
