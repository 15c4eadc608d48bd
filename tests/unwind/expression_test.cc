#include "unwind/expression.h"

#include <dwarf.h>

#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "support/cfi_writer.h"

using namespace oc::unwind;
using oc::test::CfiProgram;

namespace {

struct Words : Memory {
  std::map<uint64_t, uint64_t> at;
  bool read(uint64_t address, uint32_t size_bytes, uint64_t& value) override {
    const auto found = at.find(address);
    if (found == at.end()) return false;
    value = size_bytes == 8 ? found->second : found->second & ((1ull << 8 * size_bytes) - 1);
    return true;
  }
};

struct Answer {
  Outcome outcome;
  uint64_t value;
};

Answer run(const CfiProgram& program, std::optional<uint64_t> first = {}) {
  Registers registers;
  registers.put(7, 0x1000);
  registers.put(16, 0x402a);
  Words memory;
  memory.at = {{0x1000, 0x1122334455667788}, {0x1008, 0x2000}, {0x2000, 7}};
  uint64_t value = 0;
  const Outcome outcome = evaluate(program.bytes, registers, first, memory, value);
  return {outcome, value};
}

uint64_t value_of(const CfiProgram& program) {
  const Answer answer = run(program);
  CHECK(answer.outcome == Outcome::kDone);
  return answer.value;
}

/// Two numbers and an operation.
uint64_t compute(int64_t left, int64_t right, uint8_t code) {
  return value_of(CfiProgram().op(DW_OP_consts).sleb(left).op(DW_OP_consts).sleb(right).op(code));
}

}  // namespace

TEST_CASE("constants of all sizes are extended as their sign says") {
  CHECK(value_of(CfiProgram().op(DW_OP_const1u).op(0xff)) == 0xff);
  CHECK(value_of(CfiProgram().op(DW_OP_const1s).op(0xff)) == ~0ull);
  CHECK(value_of(CfiProgram().op(DW_OP_const2s).op(0xfe).op(0xff)) == ~1ull);
  CHECK(value_of(CfiProgram().op(DW_OP_const4u).op(1).op(2).op(3).op(4)) == 0x04030201);
  CHECK(value_of(CfiProgram().op(DW_OP_constu).uleb(~0ull)) == ~0ull);
  CHECK(value_of(CfiProgram().op(DW_OP_consts).sleb(-300)) == static_cast<uint64_t>(-300));
  CHECK(value_of(CfiProgram().op(DW_OP_lit31)) == 31);
}

TEST_CASE("arithmetic wraps and divides with sign") {
  CHECK(compute(5, 7, DW_OP_minus) == static_cast<uint64_t>(-2));
  CHECK(compute(-9, 2, DW_OP_div) == static_cast<uint64_t>(-4));
  CHECK(compute(INT64_MIN, -1, DW_OP_div) == static_cast<uint64_t>(INT64_MIN));
  CHECK(compute(9, 4, DW_OP_mod) == 1);
  CHECK(compute(-1, 4, DW_OP_shr) == ~0ull >> 4);
  CHECK(compute(-16, 2, DW_OP_shra) == static_cast<uint64_t>(-4));
  CHECK(compute(1, 64, DW_OP_shl) == 0);
  CHECK(compute(-1, 100, DW_OP_shra) == ~0ull);
  CHECK(compute(6, 3, DW_OP_and) == 2);
  CHECK(compute(6, 3, DW_OP_or) == 7);
  CHECK(compute(6, 3, DW_OP_xor) == 5);
  CHECK(compute(-2, 3, DW_OP_mul) == static_cast<uint64_t>(-6));
  CHECK(compute(-1, 1, DW_OP_lt) == 1);
  CHECK(compute(-1, 1, DW_OP_ge) == 0);
  CHECK(compute(4, 4, DW_OP_le) == 1);
  CHECK(compute(4, 4, DW_OP_ne) == 0);
  CHECK(value_of(CfiProgram().op(DW_OP_lit5).op(DW_OP_neg).op(DW_OP_abs)) == 5);
  CHECK(value_of(CfiProgram().op(DW_OP_lit0).op(DW_OP_not)) == ~0ull);
  CHECK(value_of(CfiProgram().op(DW_OP_lit1).op(DW_OP_plus_uconst).uleb(500)) == 501);
}

TEST_CASE("the stack is moved about") {
  const auto three = [] { return CfiProgram().op(DW_OP_lit1).op(DW_OP_lit2).op(DW_OP_lit3); };
  CHECK(value_of(three().op(DW_OP_drop)) == 2);
  CHECK(value_of(three().op(DW_OP_over)) == 2);
  CHECK(value_of(three().op(DW_OP_swap)) == 2);
  CHECK(value_of(three().op(DW_OP_pick).op(2)) == 1);
  CHECK(value_of(three().op(DW_OP_dup).op(DW_OP_plus)) == 6);
  // 1 2 3 becomes 3 1 2 (DWARF 5, section 2.5.1.3, DW_OP_rot).
  CHECK(value_of(three().op(DW_OP_rot)) == 2);
  CHECK(value_of(three().op(DW_OP_rot).op(DW_OP_drop)) == 1);
  CHECK(value_of(three().op(DW_OP_rot).op(DW_OP_drop).op(DW_OP_drop)) == 3);
}

TEST_CASE("registers and memory are read, and what is not known is told") {
  CHECK(value_of(CfiProgram().op(DW_OP_breg7).sleb(-8)) == 0xff8);
  CHECK(value_of(CfiProgram().op(DW_OP_bregx).uleb(16).sleb(1)) == 0x402b);
  CHECK(value_of(CfiProgram().op(DW_OP_breg7).sleb(8).op(DW_OP_deref).op(DW_OP_deref)) == 7);
  CHECK(value_of(CfiProgram().op(DW_OP_breg7).sleb(0).op(DW_OP_deref_size).op(2)) == 0x7788);
  CHECK(run(CfiProgram().op(DW_OP_breg3).sleb(0)).outcome == Outcome::kUnknownRegister);
  CHECK(run(CfiProgram().op(DW_OP_lit1).op(DW_OP_deref)).outcome == Outcome::kUnreadable);
  CHECK(run(CfiProgram().op(DW_OP_lit8).op(DW_OP_plus), 0x20).value == 0x28);
}

TEST_CASE("branches go both ways, and not out of the expression") {
  CfiProgram choice;  // 1 ? 5 : 6
  choice.op(DW_OP_lit1).op(DW_OP_bra).op(4).op(0).op(DW_OP_lit6).op(DW_OP_skip).op(1).op(0);
  choice.op(DW_OP_lit5);
  CHECK(value_of(choice) == 5);
  choice.bytes[0] = DW_OP_lit0;
  CHECK(value_of(choice) == 6);
  CHECK(run(CfiProgram().op(DW_OP_lit1).op(DW_OP_skip).op(1).op(0)).outcome == Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_skip).op(0xf0).op(0xff)).outcome == Outcome::kBad);
}

TEST_CASE("an expression without end, without bottom or without sense is bad") {
  CHECK(run(CfiProgram().op(DW_OP_lit1).op(DW_OP_skip).op(0xfd).op(0xff)).outcome == Outcome::kBad);
  CfiProgram deep;
  for (int i = 0; i < 100; ++i) deep.op(DW_OP_lit1);
  CHECK(run(deep).outcome == Outcome::kBad);
  for (const uint8_t code : {DW_OP_plus, DW_OP_drop, DW_OP_dup, DW_OP_swap, DW_OP_deref,
                             DW_OP_call2, DW_OP_fbreg, DW_OP_reg0, DW_OP_piece})
    CHECK(run(CfiProgram().op(code)).outcome == Outcome::kBad);
  CHECK(run({}).outcome == Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_lit1).op(DW_OP_lit0).op(DW_OP_div)).outcome == Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_lit1).op(DW_OP_lit0).op(DW_OP_mod)).outcome == Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_const8u).op(1)).outcome == Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_breg7).sleb(0).op(DW_OP_deref_size).op(9)).outcome ==
        Outcome::kBad);
  CHECK(run(CfiProgram().op(DW_OP_bregx).uleb(1 << 20).sleb(0)).outcome == Outcome::kBad);
}
