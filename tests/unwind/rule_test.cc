#include "unwind/rule.h"

#include <dwarf.h>

#include <catch2/catch.hpp>

#include "support/cfi_writer.h"

using namespace oc::test;
using namespace oc::unwind;

namespace {

constexpr uint64_t kRuleText = 0x10000;

/// The rule at the start of a function with this program.
Rule rule_of(const CfiProgram& program, Arch arch = Arch::kX86_64, CommonEntry common = {}) {
  if (arch == Arch::kArm64) {
    common.return_column = 30;
    common.program = CfiProgram().def_cfa(31, 0);
  }
  CfiWriter writer;
  writer.common(common).function(kRuleText, 16, program);
  const oc::elf::CfiSection section{writer.bytes(), 0, false, 8};
  oc::elf::CfiWalk walk(section);
  oc::elf::CfiEntry entry;
  uint64_t offset = 0;
  REQUIRE(walk.next(entry, offset));
  oc::elf::CfiShortRow row;
  row.frame_column = columns_of(arch).frame;
  row.link_column = columns_of(arch).link;
  row.stack_column = columns_of(arch).stack;
  REQUIRE(find_cfi_row(entry, kRuleText, row));
  return make_rule(arch, entry, row);
}

CfiProgram plt_expression(uint8_t push) {
  CfiProgram body;
  body.op(DW_OP_breg7).sleb(8).op(DW_OP_breg16).sleb(0).op(DW_OP_lit15).op(DW_OP_and);
  body.op(static_cast<uint8_t>(DW_OP_lit0 + push)).op(DW_OP_ge).op(DW_OP_lit3).op(DW_OP_shl);
  return body.op(DW_OP_plus);
}

CfiProgram with_cfa(const CfiProgram& expression) {
  return CfiProgram().op(DW_CFA_def_cfa_expression).block(expression);
}

}  // namespace

TEST_CASE("frames by stack and frame pointer are rules") {
  const Rule first = rule_of({});
  CHECK(first.kind == RuleKind::kStack);
  CHECK(first.cfa == 1);
  CHECK(first.link == -1);
  CHECK(first.frame == Rule::kKept);
  const Rule framed = rule_of(CfiProgram().def_cfa(6, 16).saved(6, 2));
  CHECK(framed.kind == RuleKind::kFrame);
  CHECK(framed.cfa == 2);
  CHECK(framed.frame == -2);
}

TEST_CASE("an entry of a PLT is a rule, whichever byte pushes") {
  for (const uint8_t push : {10, 11, 15}) {
    const Rule rule = rule_of(with_cfa(plt_expression(push)));
    CHECK(rule.kind == RuleKind::kPlt);
    CHECK(rule.frame == push);
  }
  CfiProgram longer = plt_expression(11);
  longer.op(DW_OP_lit0).op(DW_OP_plus);
  CHECK(rule_of(with_cfa(longer)).kind == RuleKind::kSlow);
  CHECK(rule_of(with_cfa(plt_expression(11)), Arch::kArm64).kind == RuleKind::kSlow);
}

TEST_CASE("what wants more than three registers, or does not fit, is slow") {
  CHECK(rule_of(CfiProgram().def_cfa(10, 0)).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().def_cfa(7, 12)).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().def_cfa(7, 8 * 0x7fff)).kind == RuleKind::kStack);
  CHECK(rule_of(CfiProgram().def_cfa(7, 8 * 0x8000)).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().saved(6, 0x8000)).kind == RuleKind::kSlow);  // would be kKept
  CHECK(rule_of(CfiProgram().expression(6, CfiProgram().op(DW_OP_lit0))).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().saved(7, 3)).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().op(DW_CFA_register).uleb(16).uleb(3)).kind == RuleKind::kSlow);
  CHECK(rule_of(CfiProgram().op(DW_CFA_val_offset).uleb(7).uleb(0)).kind == RuleKind::kStack);
  CommonEntry other;
  other.return_column = 15;
  CHECK(rule_of({}, Arch::kX86_64, other).kind == RuleKind::kSlow);
}

TEST_CASE("an undefined return address is the end") {
  CHECK(rule_of(CfiProgram().op(DW_CFA_undefined).uleb(16)).kind == RuleKind::kOutermost);
}

TEST_CASE("a program that never says what the CFA is, is bad") {
  CommonEntry common;
  common.program = CfiProgram().saved(16, 1);
  CHECK(rule_of({}, Arch::kX86_64, common).kind == RuleKind::kBad);
}

TEST_CASE("a leaf function of arm64 keeps its link register") {
  const Rule leaf = rule_of({}, Arch::kArm64);
  CHECK(leaf.kind == RuleKind::kStack);
  CHECK(leaf.cfa == 0);
  CHECK(leaf.link == Rule::kKept);
  const Rule framed = rule_of(CfiProgram().cfa_offset(32).saved(29, 4).saved(30, 3), Arch::kArm64);
  CHECK(framed.cfa == 4);
  CHECK(framed.frame == -4);
  CHECK(framed.link == -3);
}

TEST_CASE("a signal's trampoline says so") {
  CommonEntry common;
  common.augmentation = "zRS";
  CHECK(rule_of({}, Arch::kX86_64, common).is_signal_frame());
  CHECK_FALSE(rule_of({}).is_signal_frame());
}
