#pragma once

#include <cstdint>

#include "elf/cfi_program.h"
#include "unwind/registers.h"

namespace oc::unwind {

/// How a Rule finds the caller's frame.
enum class RuleKind : uint8_t {
  kStack,  ///< CFA = stack pointer + cfa
  kFrame,  ///< CFA = frame pointer + cfa
  kPlt,  ///< CFA = stack pointer + 8, and 8 more when (ip & 15) >= frame: an entry of a .plt on x86-64
  kOutermost,   ///< the return address is undefined: nobody called this
  kSlow,        ///< anything else: the whole row is read again, expressions are evaluated
  kGuess,       ///< no CFI, memory of no file: frame pointers, if they look like some
  kBad,         ///< the CFI of this place makes no sense
  kNone,        ///< the file has no CFI for this place
  kUnreadable,  ///< the file could not be read
};

/// What CFI says about one address, for the registers that lead to the next frame; 8 bytes.
///
/// `cfa`, `frame` and `link` are in words of 8 bytes. The return address is at CFA + link, the caller's frame pointer
/// at CFA + frame; kKept: the register still has it. The caller's stack pointer is the CFA. What does not fit, or
/// wants another register, is kSlow.
struct Rule {
  static constexpr int16_t kKept = INT16_MIN;
  static constexpr uint8_t kSignalFrame =
      1;  ///< the caller was interrupted: its address is no return address

  RuleKind kind = RuleKind::kNone;
  uint8_t flags = 0;
  int16_t cfa = 0;
  int16_t frame = kKept;
  int16_t link = -1;

  bool is_signal_frame() const { return (flags & kSignalFrame) != 0; }
  friend bool operator==(const Rule&, const Rule&) = default;
};
static_assert(sizeof(Rule) == 8);

/// A row of CFI as a rule. Requires: a row of `entry` for the frame pointer, stack pointer and return address of `arch`.
Rule make_rule(Arch arch, const elf::CfiEntry& entry, const elf::CfiShortRow& row);

}  // namespace oc::unwind
