#pragma once

#include <cstdint>
#include <span>

#include "unwind/code_finder.h"
#include "unwind/end.h"
#include "unwind/registers.h"
#include "unwind/rule_cache.h"

namespace oc::unwind {

/// One frame. Addresses are as the kernel stores them in call chains: look-ups of callers subtract one.
struct Frame {
  uint64_t address = 0;
  uint32_t note = 0;  ///< of the CodeFinder
  /// False: the first frame, a signal's trampoline, what a signal interrupted.
  bool is_return = false;
};

/// A stack to unwind, and where its frames go.
struct Job {
  const Registers* registers = nullptr;
  std::span<const uint8_t> stack;  ///< its bytes, from the stack pointer upwards
  CodeFinder* code = nullptr;
  std::span<Frame> frames;  ///< room for them

  uint32_t count = 0;  ///< how many were found, innermost first
  End end = End::kNoRegisters;
  bool is_guessed = false;  ///< at least one step was taken by frame pointers, not by CFI
};

/// What an Unwinder did so far.
struct Counts {
  uint64_t frames = 0;
  uint64_t misses = 0;  ///< addresses that the cache did not know
  uint64_t slow = 0;    ///< frames that needed a whole row
};

/// Unwinds stacks: one object per thread. It owns a rule cache for all processes, and no other state: jobs in any order
/// give the same frames. Keep the jobs of a process on one thread, so that its rules are found once.
///
/// The loop recovers instruction, stack and frame pointer by 8-byte rules. When a row wants another register (r10 of a
/// realigned frame, rbx of the dynamic linker's resolver), that register is recovered by whole rows from the last place
/// where all were known. No allocation, no lock, no virtual call but on a miss of the cache.
///
/// The first frame is always there when the registers are; a return address where no code is mapped is none.
class Unwinder {
 public:
  explicit Unwinder(uint32_t cache_entries = RuleCache::kEntries) : cache_(cache_entries) {}

  void unwind(Job& job);
  /// The same for many, several in turns: while memory answers for one, others are worked on. Their frames do not
  /// overlap.
  void unwind(std::span<Job> jobs);

  const Counts& counts() const { return counts_; }

 private:
  RuleCache cache_;
  Counts counts_;
};

}  // namespace oc::unwind
