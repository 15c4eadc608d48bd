#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace oc::unwind {

/// The machines whose stacks we unwind.
enum class Arch : uint8_t { kX86_64, kArm64 };

/// The numbers that DWARF gives to registers (System V psABI, AMD64 supplement, figure 3.36; DWARF for the Arm 64-bit
/// Architecture, section 4.1). Those of arm64 have no number for the instruction pointer that CFI uses: 32 is ours.
struct Columns {
  uint8_t frame;    ///< rbp, x29
  uint8_t stack;    ///< rsp, sp
  uint8_t link;     ///< where CFI keeps the return address: rip's column, x30
  uint8_t pointer;  ///< rip, pc
  uint8_t count;
};
constexpr Columns kX86Columns = {6, 7, 16, 16, 17};
constexpr Columns kArmColumns = {29, 31, 30, 32, 33};
constexpr const Columns& columns_of(Arch arch) {
  return arch == Arch::kX86_64 ? kX86Columns : kArmColumns;
}

/// Values of the integer registers of one thread, by DWARF number, and which of them are known.
struct Registers {
  static constexpr uint32_t kCount = 33;

  Arch arch = Arch::kX86_64;
  uint64_t known = 0;  ///< bit n: values[n] is a value
  std::array<uint64_t, kCount> values{};

  bool knows(uint32_t number) const { return number < kCount && (known >> number & 1) != 0; }
  void put(uint32_t number, uint64_t value) {
    values[number] = value;
    known |= uint64_t{1} << number;
  }
  uint64_t pointer() const { return values[columns_of(arch).pointer]; }
  uint64_t stack() const { return values[columns_of(arch).stack]; }
  /// The least that unwinding needs: instruction and stack pointer.
  bool are_usable() const {
    return knows(columns_of(arch).pointer) && knows(columns_of(arch).stack);
  }
};

/// PERF_SAMPLE_REGS_USER as registers: `mask` is the attribute's sample_regs_user, `values` the words of the sample
/// in the order of its bits (PERF_REG_X86_*, PERF_REG_ARM64_* of asm/perf_regs.h). `abi` is the sample's
/// PERF_SAMPLE_REGS_ABI_*; of none, and of tasks of 32 bits, nothing is known afterwards.
Registers make_registers(Arch arch, uint64_t abi, uint64_t mask, std::span<const uint64_t> values);
/// The same of the words' bytes as they lie in a sample, at any alignment; of a last word that is cut, nothing.
Registers read_registers(Arch arch, uint64_t abi, uint64_t mask, std::span<const uint8_t> bytes);

/// The registers to ask the kernel for, so that every stack can be unwound: all that CFI names.
uint64_t perf_register_mask(Arch arch);

}  // namespace oc::unwind
