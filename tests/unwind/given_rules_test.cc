// Rules that somebody gives, for code without tables and before those of files.
#include "unwind/given_rules.h"

#include <catch2/catch.hpp>

#include "made_program.h"

using namespace oc::test;

namespace {

Rule by_stack(int16_t words) {
  Rule rule;
  rule.kind = RuleKind::kStack;
  rule.cfa = words;
  return rule;
}

}  // namespace

TEST_CASE("a later rule takes the place of what it covers") {
  GivenRules rules;
  rules.add(100, 100, by_stack(1));
  rules.add(150, 10, by_stack(2));  // in the middle
  rules.add(190, 30, by_stack(3));  // over the end
  rules.add(300, 0, by_stack(4));
  rules.add(~uint64_t{0}, 2, by_stack(5));
  const auto cfa_at = [&](uint64_t offset) {
    const Rule* const rule = rules.find(offset);
    return rule == nullptr ? 0 : rule->cfa;
  };
  CHECK(cfa_at(99) == 0);
  CHECK(cfa_at(100) == 1);
  CHECK(cfa_at(149) == 1);
  CHECK(cfa_at(150) == 2);
  CHECK(cfa_at(159) == 2);
  CHECK(cfa_at(160) == 1);
  CHECK(cfa_at(189) == 1);
  CHECK(cfa_at(190) == 3);
  CHECK(cfa_at(219) == 3);
  CHECK(cfa_at(220) == 0);
  CHECK(cfa_at(300) == 0);
  CHECK(cfa_at(~uint64_t{0}) == 0);
  rules.add(0, 1000, by_stack(6));
  CHECK(cfa_at(155) == 6);
  CHECK(cfa_at(999) == 6);
}

TEST_CASE(
    "memory without frame pointers is passed by a given rule, and a register behind it is still "
    "known") {
  Program program;
  const uint64_t plain = program.add(CfiProgram().cfa_offset(16));
  const uint64_t by_rbx = program.add(CfiProgram().def_cfa(3, 24));  // wants whole rows
  const uint64_t end = program.add_outermost();
  program.map();
  constexpr uint64_t kMade = 0x400000;
  const auto walk = [&](const GivenRules* given) {
    program.code.add({kMade, kMade + 0x1000, kMade, nullptr, true, 0, given});
    Thread thread;
    thread.at(plain).with(3, kStack + 64).with(6, 1);
    thread.word(1, kMade + 8).word(5, by_rbx + 1).word(10, end + 1);
    return unwind(thread, program.code);
  };
  CHECK(walk(nullptr).addresses == Addresses{plain, kMade + 8});
  CHECK(walk(nullptr).end == End::kNoRules);
  GivenRules rules;
  rules.add(kMade, 16, by_stack(4));
  const Stack stack = walk(&rules);
  CHECK(stack.addresses == Addresses{plain, kMade + 8, by_rbx + 1, end + 1});
  CHECK(stack.end == End::kComplete);
  GivenRules none;
  none.add(kMade + 16, 16, by_stack(4));
  CHECK(walk(&none).end == End::kNoRules);
}

TEST_CASE("a given rule that leads out of the stack or nowhere ends it") {
  Program program;
  const uint64_t plain = program.add(CfiProgram().cfa_offset(16));
  program.map();
  constexpr uint64_t kMade = 0x400000;
  for (const int words : {INT16_MAX, 0, -3, INT16_MIN}) {
    GivenRules rules;
    rules.add(kMade, 16, by_stack(static_cast<int16_t>(words)));
    program.code.add({kMade, kMade + 0x1000, kMade, nullptr, true, 0, &rules});
    Thread thread;
    thread.at(plain).word(1, kMade + 8);
    const Stack stack = unwind(thread, program.code);
    CHECK(stack.addresses.front() == plain);
    CHECK(stack.addresses.size() <= 4);
    CHECK(stack.end != End::kTooDeep);
  }
}
