#pragma once

#include <cstdint>
#include <span>

#include "elf/cfi_program.h"
#include "unwind/registers.h"

namespace oc::unwind {

/// Whether `code` begins with what signal handlers return to, a call of rt_sigreturn and nothing else. It stands for CFI
/// where there is none: musl, Go, arm64's vDSO of Linux 5.8 and later.
bool is_signal_return(Arch arch, std::span<const uint8_t> code);

/// The row that CFI would have there: every register lies where the kernel saved it, above the stack pointer. Gives the
/// column of the address that was interrupted.
uint64_t make_signal_row(Arch arch, elf::CfiRow& row);

}  // namespace oc::unwind
