#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

/// How the canonical frame address (CFA) is found.
struct CfaRule {
  enum class Kind : uint8_t { kNone, kRegister, kExpression };
  Kind kind = Kind::kNone;
  uint32_t column = 0;
  int64_t offset = 0;
  std::span<const uint8_t> expression;  ///< owned by the section's bytes
};

/// What a CFI program says about the addresses [start, end), for all general registers of the machines that we unwind.
/// Programs also speak of vector registers, which nobody needs.
struct CfiRow {
  static constexpr uint32_t kColumns = 33;

  uint64_t start = 0;
  uint64_t end = 0;
  CfaRule cfa;
  bool is_return_signed = false;  ///< arm64: it carries a pointer authentication code
  std::array<CfiRule, kColumns> rules{};

  CfiRule* rule(uint64_t column) { return column < kColumns ? &rules[column] : nullptr; }
};

/// The same of two registers only, which most frames do with: a tenth of the bytes to clear, keep and restore.
struct CfiShortRow {
  uint64_t start = 0;
  uint64_t end = 0;
  CfaRule cfa;
  bool is_return_signed = false;
  uint8_t frame_column = 0;
  uint8_t link_column = 0;
  uint8_t stack_column = 0;
  CfiRule frame;
  CfiRule link;
  CfiRule stack;

  CfiRule* rule(uint64_t column) {
    if (column == frame_column) return &frame;
    if (column == link_column) return &link;
    return column == stack_column ? &stack : nullptr;
  }
};

/// Runs an entry's program up to the row that holds `address`. A short row says before which columns it is about.
/// False: the program makes no sense before that (an unknown instruction, more states restored than remembered), or the
/// address is not in the entry.
bool find_cfi_row(const CfiEntry& entry, uint64_t address, CfiRow& row);
bool find_cfi_row(const CfiEntry& entry, uint64_t address, CfiShortRow& row);

}  // namespace oc::elf
