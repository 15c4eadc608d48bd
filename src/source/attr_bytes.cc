#include "source/attr_bytes.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace oc::source {

namespace {

constexpr size_t kBitsAt = offsetof(perf_event_attr, read_format) + 8;
constexpr uint64_t kPreciseIpAt = 15;  // the one field of two bits

uint64_t reversed(uint64_t value) {
  uint64_t out = 0;
  for (int bit = 0; bit < 64; ++bit) out |= (value >> bit & 1) << (63 - bit);
  return out;
}

/// `value` is already in this machine's byte order; its first field is the highest bit.
uint64_t swapped_bits(uint64_t value) {
  const uint64_t bits = reversed(value);
  const uint64_t pair = bits >> kPreciseIpAt & 3;
  const uint64_t turned = (pair & 1) << 1 | pair >> 1;
  return (bits & ~(3ull << kPreciseIpAt)) | turned << kPreciseIpAt;
}

void swap_attr(perf_event_attr& attr) {
  auto* const bytes = reinterpret_cast<uint8_t*>(&attr);
  const auto swap = [](auto& field) { field = base::swapped(field); };
  swap(attr.type);
  swap(attr.size);
  swap(attr.config);
  swap(attr.sample_period);
  swap(attr.sample_type);
  swap(attr.read_format);
  const uint64_t bits = swapped_bits(base::swapped(base::load<uint64_t>(bytes + kBitsAt)));
  std::memcpy(bytes + kBitsAt, &bits, sizeof bits);
  swap(attr.wakeup_events);
  swap(attr.bp_type);
  swap(attr.config1);
  swap(attr.config2);
  swap(attr.branch_sample_type);
  swap(attr.sample_regs_user);
  swap(attr.sample_stack_user);
  swap(attr.clockid);
  swap(attr.sample_regs_intr);
  swap(attr.aux_watermark);
  swap(attr.sample_max_stack);
  swap(attr.aux_sample_size);
  swap(attr.sig_data);
}

}  // namespace

perf_event_attr read_attr(std::span<const uint8_t> bytes, base::ByteOrder order) {
  perf_event_attr attr{};
  std::memcpy(&attr, bytes.data(), std::min(bytes.size(), sizeof attr));
  if (order == base::ByteOrder::kOther) swap_attr(attr);
  return attr;
}

}  // namespace oc::source
