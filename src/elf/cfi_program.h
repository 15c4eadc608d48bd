#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "elf/cfi_entry.h"

namespace oc::elf {

/// How the caller's value of one register is found.
struct CfiRule {
  enum class Kind : uint8_t {
    kUnspecified,    ///< nothing was said: callee-saved ones are kept, the stack pointer is the CFA
    kSame,           ///< the register still has it
    kUndefined,      ///< it is lost
    kOffset,         ///< in memory at CFA + value
    kValOffset,      ///< it is CFA + value
    kRegister,       ///< in the register `value`
    kExpression,     ///< in memory at what the expression says
    kValExpression,  ///< it is what the expression says
  };
  Kind kind = Kind::kUnspecified;
  int64_t value = 0;
  std::span<const uint8_t> expression;  ///< owned by the section's bytes
};

/// What a CFI program says about the addresses [start, end).
struct CfiRow {
  /// General registers of all machines that we unwind; programs also speak of vector registers, which nobody needs.
  static constexpr uint32_t kColumns = 33;

  enum class Cfa : uint8_t { kNone, kRegister, kExpression };
  uint64_t start = 0;
  uint64_t end = 0;
  Cfa cfa = Cfa::kNone;
  uint32_t cfa_register = 0;
  int64_t cfa_offset = 0;
  std::span<const uint8_t> cfa_expression;
  std::array<CfiRule, kColumns> rules{};
  uint64_t return_column = 0;
  bool is_signal_frame = false;
  bool is_return_signed =
      false;  ///< DW_CFA_AARCH64_negate_ra_state: it carries a pointer authentication code
};

/// Runs an entry's program up to the row that holds `address`. False: the program makes no sense before that (an
/// unknown instruction, more states restored than remembered), or the address is not in the entry.
bool find_cfi_row(const CfiEntry& entry, uint64_t address, CfiRow& row);

/// Goes over all rows of an entry: for who wants to see them all.
class CfiRows {
 public:
  explicit CfiRows(const CfiEntry& entry);
  ~CfiRows();
  /// False at the end, or where the program makes no sense any more: is_bad().
  bool next(CfiRow& row);
  bool is_bad() const;
};

}  // namespace oc::elf
