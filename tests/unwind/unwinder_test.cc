#include "unwind/unwinder.h"

#include <dwarf.h>

#include <array>
#include <catch2/catch.hpp>

#include "made_program.h"

using namespace oc::test;

TEST_CASE("frames by stack and frame pointer lead to the outermost one") {
  Program program;
  const uint64_t leaf = program.add({});
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  const uint64_t middle = program.add(CfiProgram().cfa_offset(32).saved(6, 2));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread;
  thread.at(leaf + 3).with(6, kStack + 6 * 8);
  thread.word(0, framed + 5);                  // the leaf's return address
  thread.word(6, 0x1234).word(7, middle + 5);  // framed: rbp saved, return address
  thread.word(9, kStack + 0x500).word(10, 0).word(11, start + 9);  // middle
  const Stack stack = unwind(thread, program.code);
  CHECK(stack.addresses == Addresses{leaf + 3, framed + 5, middle + 5, start + 9});
  CHECK(stack.are_returns == std::vector<bool>{false, true, true, true});
  CHECK(stack.end == End::kComplete);
  CHECK_FALSE(stack.is_guessed);
}

TEST_CASE("a call that is the last instruction of its function belongs to that function") {
  Program program;
  const uint64_t leaf = program.add({});
  const uint64_t caller = program.add(CfiProgram().cfa_offset(16));
  const uint64_t next = program.add(CfiProgram().cfa_offset(800));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread;
  thread.at(leaf).word(0, caller + kSize).word(2, start + 1);
  CHECK(caller + kSize == next);
  CHECK(unwind(thread, program.code).addresses == Addresses{leaf, next, start + 1});
}

TEST_CASE("an entry of a PLT has its return address one word higher once it has pushed") {
  CfiProgram body;
  body.op(DW_OP_breg7).sleb(8).op(DW_OP_breg16).sleb(0).op(DW_OP_lit15).op(DW_OP_and);
  body.op(DW_OP_lit11).op(DW_OP_ge).op(DW_OP_lit3).op(DW_OP_shl).op(DW_OP_plus);
  Program program;
  const uint64_t plt = program.add(CfiProgram().op(DW_CFA_def_cfa_expression).block(body));
  const uint64_t start = program.add_outermost();
  program.map();
  for (const uint64_t at : {0, 6, 10, 11, 15}) {
    Thread thread;
    thread.at(plt + 32 + at).word(at < 11 ? 0 : 1, start + 1).word(at < 11 ? 1 : 0, 0x666);
    CHECK(unwind(thread, program.code).addresses == Addresses{plt + 32 + at, start + 1});
  }
}

TEST_CASE("a signal's trampoline leads to what it interrupted, exactly, with all registers") {
  Program program;
  const uint64_t handler = program.add({});
  CfiProgram restore;  // as glibc's: every register lies in the frame that the kernel pushed
  restore.op(DW_CFA_def_cfa_expression)
      .block(CfiProgram().op(DW_OP_breg7).sleb(160).op(DW_OP_deref));
  for (const auto& [column, offset] : {std::pair{6, 120}, {3, 128}, {7, 160}, {16, 168}})
    restore.expression(static_cast<uint64_t>(column), CfiProgram().op(DW_OP_breg7).sleb(offset));
  // Its CFI begins a byte early, for those who look up the byte before a return address.
  const uint64_t trampoline = program.add_signal(restore) + 1;
  const uint64_t interrupted = program.add(CfiProgram().def_cfa(3, 16));  // by rbx
  const uint64_t start = program.add_outermost();
  program.map();
  const uint64_t old_stack = kStack + 100 * 8;
  Thread thread;
  thread.at(handler + 9).word(0, trampoline);
  // The trampoline's stack pointer is kStack + 8.
  thread.word(1 + 15, 0x66)
      .word(1 + 16, old_stack)
      .word(1 + 20, old_stack)
      .word(1 + 21, interrupted);
  thread.word(101, start + 1);
  const Stack stack = unwind(thread, program.code);
  CHECK(stack.addresses == Addresses{handler + 9, trampoline, interrupted, start + 1});
  CHECK(stack.are_returns == std::vector<bool>{false, false, false, true});
  CHECK(stack.end == End::kComplete);
}

TEST_CASE("a register that only whole rows know is recovered where a frame wants it") {
  Program program;
  const uint64_t leaf = program.add(CfiProgram().cfa_offset(24).saved(3, 2));  // saves rbx
  const uint64_t plain = program.add(CfiProgram().cfa_offset(16));
  const uint64_t by_rbx = program.add(CfiProgram().def_cfa(3, 24));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread;
  thread.at(leaf + 1).with(3, 0x666);
  thread.word(1, kStack + 8 * 8).word(2, plain + 1);  // rbx, return address
  thread.word(4, by_rbx + 1);                         // plain's
  thread.word(10, start + 1);                         // CFA = rbx + 24
  Unwinder unwinder;
  const Stack stack = unwind(thread, program.code, 64, &unwinder);
  CHECK(stack.addresses == Addresses{leaf + 1, plain + 1, by_rbx + 1, start + 1});
  CHECK(stack.end == End::kComplete);
  CHECK(unwinder.counts().slow == 1);
}

TEST_CASE("a realigned frame is read through its expressions") {
  Program program;
  const uint64_t leaf = program.add({});
  CfiProgram drap;  // gcc: CFA = *(rbp - 8), rbp saved at rbp
  drap.op(DW_CFA_def_cfa_expression).block(CfiProgram().op(DW_OP_breg6).sleb(-8).op(DW_OP_deref));
  drap.expression(6, CfiProgram().op(DW_OP_breg6).sleb(0));
  const uint64_t realigned = program.add(drap);
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread;
  thread.at(leaf).with(6, kStack + 4 * 8).word(0, realigned + 1);
  thread.word(3, kStack + 10 * 8).word(4, kStack + 12 * 8).word(9, framed + 1);
  thread.word(13, start + 1);
  CHECK(unwind(thread, program.code).addresses ==
        Addresses{leaf, realigned + 1, framed + 1, start + 1});
}

TEST_CASE("a frame pointer that was popped already is in the register") {
  Program program;
  // In an epilogue gcc leaves the rule of rbp as it was: it points below the stack pointer by now.
  const uint64_t epilogue = program.add(CfiProgram().def_cfa(7, 8).saved(6, 2));
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread;
  thread.at(epilogue).with(6, kStack + 5 * 8).word(0, framed + 1).word(6, start + 1);
  const Stack stack = unwind(thread, program.code);
  CHECK(stack.addresses == Addresses{epilogue, framed + 1, start + 1});
  CHECK(stack.end == End::kComplete);
}

TEST_CASE("memory of no file is walked by frame pointers, and says so") {
  Program program;
  const uint64_t start = program.add_outermost();
  program.map();
  const uint64_t jit = 0x7f1000000000;
  program.code.add({jit, jit + 0x1000, 0, nullptr, true, 0});
  Thread thread;
  thread.at(jit + 5).with(6, kStack + 16);
  thread.word(2, kStack + 48).word(3, jit + 99).word(6, 0).word(7, start + 1);
  const Stack stack = unwind(thread, program.code);
  CHECK(stack.addresses == Addresses{jit + 5, jit + 99, start + 1});
  CHECK(stack.is_guessed);
  CHECK(stack.end == End::kComplete);

  for (const uint64_t implausible : {kStack - 8, kStack + 17, kStack + 8 * 100, uint64_t{0}}) {
    Thread odd = thread;
    odd.with(6, implausible);
    const Stack ended = unwind(odd, program.code);
    CHECK(ended.addresses == Addresses{jit + 5});
    CHECK(ended.end == End::kNoRules);
  }
  thread.word(2, kStack + 16);  // its own caller
  CHECK(unwind(thread, program.code).end == End::kNoRules);
}

TEST_CASE("arm64: leaf functions keep the link register, signed return addresses are stripped") {
  Program program(Arch::kArm64);
  const uint64_t leaf = program.add({});
  const uint64_t framed = program.add(
      CfiProgram().op(DW_CFA_AARCH64_negate_ra_state).cfa_offset(32).saved(29, 4).saved(30, 3));
  const uint64_t by_frame = program.add(CfiProgram().def_cfa(29, 16).saved(29, 2).saved(30, 1));
  const uint64_t start = program.add_outermost();
  program.map();
  Thread thread(Arch::kArm64);
  thread.at(leaf + 4).with(30, framed + 8).with(29, 0x666);
  thread.word(0, kStack + 10 * 8)
      .word(1, (by_frame + 8) | 0x002a'0000'0000'0000)
      .word(2, 0)
      .word(3, 0);
  thread.word(10, 0).word(11, start + 4);
  const Stack stack = unwind(thread, program.code);
  CHECK(stack.addresses == Addresses{leaf + 4, framed + 8, by_frame + 8, start + 4});
  CHECK(stack.end == End::kComplete);
  thread.word(1, leaf + 4);  // a caller cannot be one that keeps its link register
  CHECK(unwind(thread, program.code).end == End::kNoProgress);
}

TEST_CASE("perf's registers are those of DWARF") {
  std::array<uint64_t, 17> values{};
  for (uint64_t i = 0; i < values.size(); ++i) values[i] = 100 + i;
  const uint64_t mask = 0xff01ff;  // ax bx cx dx si di bp sp ip, r8 to r15
  const Registers x86 = make_registers(Arch::kX86_64, 2, mask, values);
  CHECK(x86.values[0] == 100);
  CHECK(x86.values[3] == 101);
  CHECK(x86.values[6] == 106);
  CHECK(x86.stack() == 107);
  CHECK(x86.pointer() == 108);
  CHECK(x86.values[15] == 116);
  CHECK(x86.known == 0x1ffff);
  CHECK(perf_register_mask(Arch::kX86_64) == mask);
  CHECK(make_registers(Arch::kX86_64, 1, mask, values).known == 0);
  CHECK_FALSE(make_registers(Arch::kX86_64, 0, mask, {}).are_usable());
  CHECK_FALSE(make_registers(Arch::kX86_64, 2, mask, std::span(values).first(8)).are_usable());
  const Registers arm = make_registers(Arch::kArm64, 2, 0x1e0000000, std::span(values).first(4));
  CHECK(arm.values[29] == 100);
  CHECK(arm.pointer() == 103);
  CHECK(perf_register_mask(Arch::kArm64) == 0x1ffffffff);
}

TEST_CASE("many stacks in turns have the frames that each has alone") {
  Program program;
  const uint64_t leaf = program.add({});
  const uint64_t framed = program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
  const uint64_t by_rbx = program.add(CfiProgram().def_cfa(3, 24));
  const uint64_t start = program.add_outermost();
  program.map();
  std::vector<Thread> threads(100);
  for (uint64_t i = 0; i < threads.size(); ++i) {
    Thread& thread = threads[i];
    thread.at(leaf + i).with(3, kStack + (i + 8) * 8).with(6, kStack + (i + 4) * 8);
    for (uint64_t depth = 0; depth < i; ++depth) thread.word(depth, leaf + depth + 1);
    thread.word(i, i % 3 == 0 ? by_rbx + 1 : framed + 1);
    thread.word(i + 5, i % 5 == 0 ? 0x666 : start + 1).word(i + 10, start + 1);
    if (i % 7 == 0) thread.registers.known = 0;
  }
  std::vector<std::array<Frame, 64>> frames(threads.size());
  std::vector<Job> jobs;
  for (size_t i = 0; i < threads.size(); ++i)
    jobs.push_back({&threads[i].registers, threads[i].bytes(), &program.code, frames[i]});
  Unwinder unwinder;
  unwinder.unwind(jobs);
  std::array<uint32_t, kEndCount> ends{};
  for (size_t i = 0; i < threads.size(); ++i) {
    const Stack alone = unwind(threads[i], program.code);
    CHECK(jobs[i].end == alone.end);
    REQUIRE(jobs[i].count == alone.addresses.size());
    for (uint32_t at = 0; at < jobs[i].count; ++at)
      CHECK(frames[i][at].address == alone.addresses[at]);
    ++ends[static_cast<size_t>(jobs[i].end)];
  }
  for (const End end : {End::kComplete, End::kNoMapping, End::kNoRegisters, End::kTooDeep})
    CHECK(ends[static_cast<size_t>(end)] > 5);
}

TEST_CASE("a signal's trampoline without CFI is known by its code") {
  struct Saved {
    Arch arch;
    ByteVector code;
    uint64_t frame_pointer, stack, pointer;  // words from the stack pointer in the trampoline
  };
  // Offsets as in the CFI of glibc's trampoline; of arm64 as in struct rt_sigframe.
  const Saved kinds[] = {
      {Arch::kX86_64, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}, 120 / 8, 160 / 8, 168 / 8},
      {Arch::kArm64, {0x68, 0x11, 0x80, 0xd2, 1, 0, 0, 0xd4}, 544 / 8, 560 / 8, 568 / 8}};
  for (const Saved& kind : kinds) {
    const bool is_arm = kind.arch == Arch::kArm64;
    Program program(kind.arch);
    program.tail = kind.code;
    const uint64_t handler = program.add({});
    const uint64_t interrupted =
        is_arm ? program.add(CfiProgram().def_cfa(29, 16).saved(29, 2).saved(30, 1))
               : program.add(CfiProgram().def_cfa(6, 16).saved(6, 2));
    const uint64_t start = program.add_outermost();
    program.map();
    Thread thread(kind.arch);
    thread.at(handler).with(is_arm ? 30 : 6, Program::kTail);
    const uint64_t base = is_arm ? 0 : 1;  // the return address was popped
    if (!is_arm) thread.word(0, Program::kTail);
    thread.word(base + kind.frame_pointer, kStack + 100 * 8);
    thread.word(base + kind.stack, kStack + 90 * 8).word(base + kind.pointer, interrupted);
    thread.word(101, start + 4);
    const Stack stack = unwind(thread, program.code);
    CHECK(stack.addresses == Addresses{handler, Program::kTail, interrupted, start + 4});
    CHECK(stack.are_returns == std::vector<bool>{false, false, false, true});
    CHECK(stack.end == End::kComplete);
    if (is_arm) {  // at the system call itself
      thread.at(Program::kTail + 4);
      CHECK(unwind(thread, program.code).addresses.size() == 3);
    }
  }
}
