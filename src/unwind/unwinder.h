#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "unwind/code_finder.h"
#include "unwind/registers.h"
#include "unwind/rule_cache.h"

namespace oc::unwind {

/// Why a stack has no further frames.
enum class End : uint8_t {
  kComplete,    ///< the outermost frame: CFI says that nobody called it, or the return address is 0
  kStackEnd,    ///< the next frame lies beyond the stack bytes that were kept
  kNoMapping,   ///< no code is mapped at the return address
  kUnreadable,  ///< the file that is mapped there could not be read
  kNoRules,     ///< the file has no CFI for that place, or memory without frame pointers
  kBadRule,     ///< CFI that makes no sense
  kNoProgress,  ///< the caller's frame is not above this one: a loop
  kTooDeep,     ///< no room for more frames
  kNoRegisters,  ///< the sample has none, or those of a task of 32 bits
};
/// A few words for people: "stack bytes end".
std::string_view describe(End end);

/// One frame. Addresses are as the kernel stores them in call chains: look-ups of callers subtract one.
struct Frame {
  uint64_t address = 0;
  uint32_t note = 0;  ///< of the CodeFinder
  bool is_return =
      false;  ///< false: the first frame, a signal's return trampoline, what a signal interrupted
};

/// A stack to unwind, and where its frames go.
struct Job {
  const Registers* registers = nullptr;
  std::span<const uint8_t> stack;  ///< its bytes, from the stack pointer upwards
  CodeFinder* code = nullptr;
  std::span<Frame> frames;  ///< room for them

  uint32_t count = 0;  ///< how many were found, innermost first
  End end = End::kNoRegisters;
  bool is_guessed = false;  ///< at least one frame came from frame pointers, not from CFI
};

/// Unwinds stacks: one object per thread. It owns a rule cache for all processes, and no other state: jobs in any order
/// give the same frames. Keep the jobs of a process on one thread, so that its rules are found once.
///
/// The loop recovers instruction, stack and frame pointer by 8-byte rules. When a row wants another register (r10 of a
/// realigned frame, rbx of the dynamic linker's resolver), that register is recovered by whole rows from the last place
/// where all were known. No allocation, no lock, no call through a table but on a miss of the cache.
class Unwinder {
 public:
  struct Counts {
    uint64_t frames = 0;
    uint64_t misses = 0;  ///< addresses that the cache did not know
    uint64_t slow = 0;    ///< frames that needed a whole row
  };

  explicit Unwinder(uint32_t cache_entries = RuleCache::kEntries);

  void unwind(Job& job);
  /// The same for many: the memory that the next one reads first is fetched while this one is worked on.
  void unwind(std::span<Job> jobs);

  const Counts& counts() const { return counts_; }

 private:
  RuleCache cache_;
  Counts counts_;
};

}  // namespace oc::unwind
