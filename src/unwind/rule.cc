#include "unwind/rule.h"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <optional>

namespace oc::unwind {
namespace {

using Kind = elf::CfiRule::Kind;

/// In words, if it fits. kKept is no offset.
std::optional<int16_t> words(int64_t bytes) {
  if (bytes % 8 != 0 || bytes / 8 <= INT16_MIN || bytes / 8 > INT16_MAX) return {};
  return static_cast<int16_t>(bytes / 8);
}

std::optional<int16_t> saved_at(const elf::CfiRule& rule) {
  if (rule.kind == Kind::kOffset) return words(rule.value);
  if (rule.kind == Kind::kUnspecified || rule.kind == Kind::kSame) return Rule::kKept;
  return {};
}

/// What linkers say about a .plt (binutils, elf_x86_64_eh_frame_plt): each entry of 16 bytes pushes a word at its byte
/// N, so CFA = rsp + 8 + ((rip & 15) >= N) * 8. Gives N.
std::optional<int16_t> plt_push(std::span<const uint8_t> expression) {
  constexpr std::array<uint8_t, 11> kPattern = {DW_OP_breg7, 8,         DW_OP_breg16, 0,
                                                DW_OP_lit15, DW_OP_and, DW_OP_lit0,   DW_OP_ge,
                                                DW_OP_lit3,  DW_OP_shl, DW_OP_plus};
  constexpr size_t kPush = 6;
  if (expression.size() != kPattern.size()) return {};
  for (size_t i = 0; i < kPattern.size(); ++i) {
    if (i != kPush && expression[i] != kPattern[i]) return {};
  }
  const int push = expression[kPush] - DW_OP_lit0;
  if (push < 0 || push > 15) return {};
  return static_cast<int16_t>(push);
}

bool is_cfa(const elf::CfiRule& stack) {
  return stack.kind == Kind::kUnspecified || (stack.kind == Kind::kValOffset && stack.value == 0);
}

}  // namespace

Rule make_rule(Arch arch, const elf::CfiEntry& entry, const elf::CfiShortRow& row) {
  const Columns& columns = columns_of(arch);
  Rule rule;
  rule.flags = entry.is_signal_frame ? Rule::kSignalFrame : 0;
  rule.kind = RuleKind::kSlow;
  if (entry.return_column != columns.link) return rule;
  if (row.link.kind == Kind::kUndefined) {
    rule.kind = RuleKind::kOutermost;
    return rule;
  }
  const auto link = saved_at(row.link);
  const auto frame = saved_at(row.frame);
  if (!link || !frame || !is_cfa(row.stack)) return rule;
  rule.link = *link;
  rule.frame = *frame;
  if (row.cfa.kind == elf::CfaRule::Kind::kNone) {
    rule.kind = RuleKind::kBad;
  } else if (row.cfa.kind == elf::CfaRule::Kind::kExpression) {
    const auto push = plt_push(row.cfa.expression);
    if (arch != Arch::kX86_64 || !push || rule.frame != Rule::kKept) return rule;
    rule.kind = RuleKind::kPlt;
    rule.frame = *push;
  } else if (const auto cfa = words(row.cfa.offset); cfa) {
    rule.cfa = *cfa;
    if (row.cfa.column == columns.stack) rule.kind = RuleKind::kStack;
    if (row.cfa.column == columns.frame) rule.kind = RuleKind::kFrame;
  }
  return rule;
}

}  // namespace oc::unwind
