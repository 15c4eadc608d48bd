#include "unwind/row_step.h"

namespace oc::unwind {
namespace {

using Kind = elf::CfiRule::Kind;

Outcome find_cfa(const elf::CfaRule& rule, const Registers& registers, Memory& memory,
                 uint64_t& cfa) {
  switch (rule.kind) {
    case elf::CfaRule::Kind::kRegister:
      if (rule.column >= Registers::kCount) return Outcome::kBad;
      if (!registers.knows(rule.column)) return Outcome::kUnknownRegister;
      cfa = registers.values[rule.column] + static_cast<uint64_t>(rule.offset);
      return Outcome::kDone;
    case elf::CfaRule::Kind::kExpression:
      return evaluate(rule.expression, registers, {}, memory, cfa);
    default:
      return Outcome::kBad;
  }
}

/// The caller's value of one register.
Outcome find_value(const elf::CfiRule& rule, uint32_t column, uint64_t cfa,
                   const Registers& registers, Memory& memory, uint64_t& value) {
  const auto at = cfa + static_cast<uint64_t>(rule.value);
  Outcome outcome = Outcome::kDone;
  switch (rule.kind) {
    case Kind::kUnspecified:
    case Kind::kSame:
      value = registers.values[column];
      return registers.knows(column) ? Outcome::kDone : Outcome::kUnknownRegister;
    case Kind::kUndefined:
      return Outcome::kUnknownRegister;
    case Kind::kValOffset:
      value = at;
      return Outcome::kDone;
    case Kind::kRegister: {
      const auto other = static_cast<uint64_t>(rule.value);
      if (other >= Registers::kCount) return Outcome::kBad;
      value = registers.values[other];
      return registers.knows(static_cast<uint32_t>(other)) ? Outcome::kDone
                                                           : Outcome::kUnknownRegister;
    }
    case Kind::kValExpression:
      return evaluate(rule.expression, registers, cfa, memory, value);
    case Kind::kExpression:
      outcome = evaluate(rule.expression, registers, cfa, memory, value);
      if (outcome != Outcome::kDone) return outcome;
      return memory.read(value, 8, value) ? Outcome::kDone : Outcome::kUnreadable;
    case Kind::kOffset:
      break;
  }
  if (memory.read(at, 8, value)) return Outcome::kDone;
  // Below the stack pointer it was popped already: the register has it again, and CFI need not say so.
  value = registers.values[column];
  const bool is_popped = at < registers.stack() && registers.knows(column);
  return is_popped ? Outcome::kDone : Outcome::kUnreadable;
}

}  // namespace

Outcome step_by_row(const FullRow& row, const Registers& registers, Memory& memory,
                    Registers& caller) {
  const Columns& columns = columns_of(registers.arch);
  uint64_t cfa = 0;
  if (const auto outcome = find_cfa(row.row.cfa, registers, memory, cfa); outcome != Outcome::kDone)
    return outcome;
  caller.arch = registers.arch;
  caller.known = 0;
  for (uint32_t column = 0; column < columns.count; ++column) {
    const elf::CfiRule& rule = row.row.rules[column];
    uint64_t value = cfa;
    Outcome outcome = Outcome::kDone;
    if (column != columns.stack || rule.kind != Kind::kUnspecified)
      outcome = find_value(rule, column, cfa, registers, memory, value);
    if (outcome == Outcome::kBad) return outcome;
    if (outcome == Outcome::kDone) caller.put(column, value);
    // Without these two there is no caller to go on with; an undefined return address is the end, not a failure.
    const bool is_needed = column == columns.stack || column == row.return_column;
    if (outcome != Outcome::kDone && is_needed && rule.kind != Kind::kUndefined) return outcome;
  }
  const uint64_t pointer = uint64_t{1} << columns.pointer;
  caller.known &= ~pointer;
  const auto link = static_cast<uint32_t>(row.return_column);
  if (row.row.rules[link].kind == Kind::kUndefined) return Outcome::kDone;
  // On arm64 what a signal interrupted has its own pc, beside the link register.
  caller.put(columns.pointer, caller.values[link]);
  return Outcome::kDone;
}

}  // namespace oc::unwind
