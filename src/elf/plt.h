#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "elf/file.h"

namespace oc::elf {

/// One entry of a procedure linkage table: the few instructions that jump to a function of another file.
struct PltEntry {
  uint64_t address = 0;  ///< as linked
  uint32_t size_bytes = 0;
  std::string target;  ///< the function's name; "" when it is one of this file, found at `resolver`
  uint64_t resolver = 0;  ///< of an IFUNC: the address of what chooses the function
};

/// The entries of .plt, .plt.sec and .plt.got with what they jump to, for x86-64, x86 and AArch64; of other machines,
/// none. Which entry is whose is read from its instructions: linkers do not promise an order.
///
///     .plt      ff 25 rel32   jmp *slot(%rip)   slot ─ relocation at that place ─ symbol
///               68 imm32      push number       where the jump is in .plt.sec: number of the relocation
///     AArch64   adrp x16, page;  ldr x17, [x16, #low]      slot = page + low
///
/// Source: the psABI supplements for x86-64 (5.2) and AArch64, and what ld and lld write.
std::vector<PltEntry> load_plt(File& file);

}  // namespace oc::elf
