#include "unwind/signal_return.h"

#include <algorithm>
#include <array>

namespace oc::unwind {
namespace {

constexpr std::array<uint8_t, 9> kX86Code = {0x48, 0xc7, 0xc0, 15,
                                             0,    0,    0,  // mov $__NR_rt_sigreturn, %rax
                                             0x0f, 0x05};    // syscall
constexpr std::array<uint8_t, 8> kArmCode = {0x68, 0x11, 0x80, 0xd2,   // mov x8, #__NR_rt_sigreturn
                                             0x01, 0x00, 0x00, 0xd4};  // svc #0

/// DWARF's numbers in the order of struct sigcontext_64 (arch/x86/include/uapi/asm/sigcontext.h), which begins 40 bytes
/// into the struct ucontext at the stack pointer.
constexpr std::array<uint8_t, 17> kX86Saved = {8, 9, 10, 11, 12, 13, 14, 15, 5,
                                               4, 6, 3,  1,  0,  2,  7,  16};
constexpr int64_t kX86Offset = 40;
/// x0 to x30, sp and pc in the struct sigcontext (arch/arm64/include/uapi/asm/sigcontext.h), behind 128 bytes of siginfo,
/// 176 of ucontext and the fault's address.
constexpr int64_t kArmOffset = 128 + 176 + 8;

}  // namespace

bool is_signal_return(Arch arch, std::span<const uint8_t> code) {
  const auto wanted = arch == Arch::kX86_64 ? std::span<const uint8_t>(kX86Code)
                                            : std::span<const uint8_t>(kArmCode);
  return code.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), code.begin());
}

uint64_t make_signal_row(Arch arch, elf::CfiRow& row) {
  const Columns& columns = columns_of(arch);
  row.cfa = {elf::CfaRule::Kind::kRegister, columns.stack, 0, {}};
  for (uint8_t i = 0; i < columns.count; ++i) {
    const uint8_t column = arch == Arch::kX86_64 ? kX86Saved[i] : i;
    const int64_t first = arch == Arch::kX86_64 ? kX86Offset : kArmOffset;
    row.rules[column] = {elf::CfiRule::Kind::kOffset, first + 8 * i, {}};
  }
  return columns.pointer;
}

}  // namespace oc::unwind
