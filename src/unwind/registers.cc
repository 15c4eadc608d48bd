#include "unwind/registers.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace oc::unwind {
namespace {

constexpr uint8_t kNone = 255;
/// DWARF's number of each PERF_REG_X86_*, up to R15 (arch/x86/include/uapi/asm/perf_regs.h): flags and segment
/// registers have none that CFI uses.
constexpr std::array<uint8_t, 24> kX86Numbers = {
    0,     3,     2,     1,     4,     5,     6,     7, 16,  // ax bx cx dx si di bp sp ip
    kNone, kNone, kNone, kNone, kNone, kNone, kNone,         // flags cs ss ds es fs gs
    8,     9,     10,    11,    12,    13,    14,    15};    // r8 to r15
/// PERF_REG_ARM64_*: x0 to x30, sp, pc stand in the order of ours.
constexpr uint32_t kArmCount = 33;

uint8_t number_of(Arch arch, uint32_t bit) {
  if (arch == Arch::kX86_64) return bit < kX86Numbers.size() ? kX86Numbers[bit] : kNone;
  return bit < kArmCount ? static_cast<uint8_t>(bit) : kNone;
}

}  // namespace

Registers make_registers(Arch arch, uint64_t abi, uint64_t mask, std::span<const uint64_t> values) {
  Registers registers;
  registers.arch = arch;
  if (abi != PERF_SAMPLE_REGS_ABI_64) return registers;
  for (const uint64_t value : values) {
    if (mask == 0) break;
    const auto number = number_of(arch, static_cast<uint32_t>(std::countr_zero(mask)));
    if (number != kNone) registers.put(number, value);
    mask &= mask - 1;
  }
  return registers;
}

Registers read_registers(Arch arch, uint64_t abi, uint64_t mask, std::span<const uint8_t> bytes) {
  std::array<uint64_t, 64> words{};  // a mask has no more bits
  const size_t count = std::min(words.size(), bytes.size() / sizeof(uint64_t));
  if (count != 0) std::memcpy(words.data(), bytes.data(), count * sizeof(uint64_t));
  return make_registers(arch, abi, mask, std::span(words).first(count));
}

uint64_t perf_register_mask(Arch arch) {
  uint64_t mask = 0;
  for (uint32_t bit = 0; bit < 64; ++bit) {
    if (number_of(arch, bit) != kNone) mask |= uint64_t{1} << bit;
  }
  return mask;
}

}  // namespace oc::unwind
