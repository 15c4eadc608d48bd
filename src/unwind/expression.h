#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "unwind/registers.h"

namespace oc::unwind {

/// What an expression may read: the stack, and what the mapped files hold.
class Memory {
 public:
  virtual ~Memory() = default;
  /// `size_bytes` from 1 to 8, as a number. False: not kept.
  virtual bool read(uint64_t address, uint32_t size_bytes, uint64_t& value) = 0;
};

/// How an evaluation, or a step by whole rows, went.
enum class Outcome : uint8_t {
  kDone,
  kUnknownRegister,  ///< it wants a register whose value was lost
  kUnreadable,       ///< it wants memory that was not kept
  kBad,  ///< an operation that stands in no CFI, a stack that is empty or too deep, no end in sight
};

/// Evaluates a DWARF expression of CFI (DWARF 5, section 2.5.1 less what 6.4.2.3 forbids there); `first` is what lies on
/// the stack before: the CFA, for rules of registers. Bounded in steps and in depth.
Outcome evaluate(std::span<const uint8_t> expression, const Registers& registers,
                 std::optional<uint64_t> first, Memory& memory, uint64_t& value);

}  // namespace oc::unwind
