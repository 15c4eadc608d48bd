// Where stacks end, and what the cache may and may not keep.
#include <dwarf.h>

#include <array>
#include <catch2/catch.hpp>

#include "made_program.h"

using namespace oc::test;

TEST_CASE("each end has its reason") {
  Program program;
  const uint64_t plain = program.add(CfiProgram().cfa_offset(16));
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  const uint64_t bad = program.add(CfiProgram().op(0x3e));
  const uint64_t gap = program.add({}) + kSize;  // no function from here on
  program.map();
  program.code.add({0x5000, 0x6000, 0, nullptr, false, 0});  // a file that cannot be read
  const auto end_at = [&](uint64_t caller) {
    Thread thread;
    thread.at(plain).word(1, caller).with(6, kStack);
    const Stack stack = unwind(thread, program.code);
    CHECK(stack.addresses.front() == plain);
    return stack.end;
  };
  CHECK(end_at(0) == End::kComplete);
  CHECK(end_at(0x66660000) == End::kNoMapping);
  CHECK(end_at(0x5005) == End::kUnreadable);
  CHECK(end_at(gap + 1) == End::kNoRules);
  CHECK(end_at(bad + 1) == End::kBadRule);
  CHECK(end_at(plain + 1) == End::kStackEnd);
  CHECK(end_at(framed + 1) == End::kNoProgress);  // rbp is below
  Thread unmapped;
  unmapped.at(0x1234);
  CHECK(unwind(unmapped, program.code).addresses == Addresses{0x1234});
  CHECK(unwind(unmapped, program.code).end == End::kNoMapping);
  Thread none;
  none.registers.known = 0;
  CHECK(unwind(none, program.code).end == End::kNoRegisters);
  CHECK(unwind(none, program.code).addresses.empty());
  for (uint32_t i = 0; i < kEndCount; ++i) CHECK_FALSE(describe(static_cast<End>(i)).empty());
}

TEST_CASE("nothing calls the code at which a program begins, though it has no CFI") {
  Program program;
  const uint64_t plain = program.add(CfiProgram().cfa_offset(16));
  const uint64_t start = program.add({}) + kSize;  // no function from here on
  program.entry = kText + (start - kBase);
  program.map();
  const auto end_at = [&](uint64_t caller) {
    Thread thread;
    thread.at(plain).word(1, caller).word(2, 1).word(3, plain + 1);
    const Stack stack = unwind(thread, program.code);
    CHECK(stack.addresses == Addresses{plain, caller});
    return stack.end;
  };
  CHECK(end_at(start + 8) == End::kComplete);
  CHECK(end_at(start + 61) == End::kComplete);
  CHECK(end_at(start + 65) == End::kNoRules);  // that is other code
  CHECK(end_at(start) == End::kNoMapping);  // a return to its first byte is of the function before
}

TEST_CASE("a register that the sample does not have ends the stack where it is wanted") {
  Program program;
  const uint64_t by_rbx = program.add(CfiProgram().def_cfa(3, 24));
  program.map();
  Thread thread;
  thread.at(by_rbx).word(9, 1);
  thread.registers.known &= ~uint64_t{8};
  CHECK(unwind(thread, program.code).end == End::kNoRegisters);
}

TEST_CASE("more frames than there is room for") {
  Program program;
  const uint64_t recursive = program.add({});
  program.map();
  Thread thread;
  thread.at(recursive + 1);
  for (uint64_t i = 0; i < 100; ++i) thread.word(i, recursive + 1);
  const Stack stack = unwind(thread, program.code, 40);
  CHECK(stack.addresses.size() == 40);
  CHECK(stack.end == End::kTooDeep);
  CHECK(unwind(thread, program.code, 400).addresses.size() == 101);
  CHECK(unwind(thread, program.code, 0).end == End::kTooDeep);
}

TEST_CASE("CFI that leads back is a loop") {
  Program program;
  const uint64_t back = program.add(CfiProgram().op(DW_CFA_def_cfa_sf).uleb(7).sleb(0));
  CfiProgram same;
  same.op(DW_CFA_def_cfa_expression).block(CfiProgram().op(DW_OP_breg7).sleb(0));
  same.op(DW_CFA_val_expression).uleb(16).block(CfiProgram().op(DW_OP_breg16).sleb(0));
  const uint64_t slow = program.add(same);
  const uint64_t signal = program.add_signal(same);
  program.map();
  for (const uint64_t address : {back, slow, signal}) {
    Thread thread;
    thread.at(address + 1).word(0, address + 1).word(3, 0);
    const Stack stack = unwind(thread, program.code);
    CHECK(stack.addresses.size() < 20);
    CHECK((stack.end == End::kNoProgress || stack.end == End::kStackEnd));
  }
}

TEST_CASE("addresses at the end of all addresses do not wrap") {
  Program program;
  const uint64_t far = program.add(CfiProgram().cfa_offset(0x7fff0));
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  program.map();
  for (const uint64_t top : {~uint64_t{0}, ~uint64_t{7}, ~uint64_t{15}, ~uint64_t{0x7ffef}}) {
    for (const uint64_t address : {far, framed}) {
      Thread thread;
      thread.at(address).with(7, top).with(6, ~uint64_t{0} - 7).word(3, framed + 1);
      CHECK(unwind(thread, program.code).addresses.size() <= 2);
    }
  }
}

TEST_CASE("what was mapped elsewhere later is asked for anew, what was added needs no new epoch") {
  Program program;
  const uint64_t leaf = program.add({});
  const uint64_t start = program.add_outermost();
  program.map();
  const uint64_t late = 0x7f2000000000;
  Unwinder unwinder;
  Thread thread;
  thread.at(leaf).word(0, late + 5);
  CHECK(unwind(thread, program.code, 64, &unwinder).end == End::kNoMapping);
  CodeMap more(program.code, program.code.epoch());
  more.add({late, late + 0x1000, 0, nullptr, true, 0});
  CHECK(unwind(thread, more, 64, &unwinder).addresses == Addresses{leaf, late + 5});

  CodeMap replaced(program.code, 2);
  replaced.add({kBase, kBase + 0x4000, 0, nullptr, false, 0});
  CHECK(unwind(thread, replaced, 64, &unwinder).end == End::kUnreadable);
  thread.word(0, start + 1);
  CHECK(unwind(thread, program.code, 64, &unwinder).end == End::kComplete);
}

TEST_CASE("a note is asked for once for each address, return addresses apart") {
  struct Noted : CodeFinder {
    explicit Noted(CodeMap& map) : map(map) {}
    uint64_t epoch() const override { return map.epoch(); }
    std::optional<CodeRange> find(uint64_t address) override { return map.find(address); }
    uint32_t note(const CodeRange& range, uint64_t address, bool is_return) override {
      CHECK(range.note == 7);
      asked.push_back(address);
      return static_cast<uint32_t>(address & 0xff) << 1 | (is_return ? 1 : 0);
    }
    CodeMap& map;
    Addresses asked;
  };
  Program program;
  const uint64_t leaf = program.add({});
  program.map();
  Noted noted(program.code);
  Unwinder unwinder;
  Thread thread;
  thread.at(leaf + 8).word(0, leaf + 9).word(1, leaf + 9).word(2, 0);
  std::array<Frame, 8> frames;
  for (int round = 0; round < 2; ++round) {
    Job job{&thread.registers, thread.bytes(), &noted, frames};
    unwinder.unwind(job);
    REQUIRE(job.count == 3);
    CHECK(frames[0].note == 16);
    CHECK(frames[1].note == 19);
    CHECK(frames[2].note == 19);
  }
  CHECK(noted.asked == Addresses{leaf + 8, leaf + 9});
}
