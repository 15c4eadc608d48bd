#pragma once

#include <cstdint>
#include <optional>

#include "unwind/row_step.h"
#include "unwind/stack_bytes.h"
#include "unwind/unwinder.h"

namespace oc::unwind {

/// The registers that lead from frame to frame. The rest is Registers, and only the slow path has it.
struct Cursor {
  uint64_t pointer = 0;
  uint64_t stack = 0;
  uint64_t frame = 0;
  uint64_t link =
      0;  ///< arm64: the link register, known in the first frame and where a signal interrupted
  bool knows_frame = false;
  bool knows_link = false;
  bool is_return = false;

  /// Where rules are looked up: a call may be the last instruction of its function.
  uint64_t lookup() const { return pointer - (is_return ? 1 : 0); }
};

/// The walk over one stack, a frame at a time, in two halves, each of which begins with memory that is far away:
///
///     look   finds the rule of the address at the cursor (in the cache), adds the frame; then it knows where the
///            return address lies, and has it fetched
///     move   reads the return address; then it knows the next address, and has its place in the cache fetched
///
/// So who has several stacks works on others while memory answers.
class FrameWalk {
 public:
  /// Requires: registers that are usable.
  FrameWalk(Job& job, RuleCache& cache, Counts& counts);

  /// Adds the frame at the cursor. False: that was the last one; job.end says why.
  bool look();
  /// To the caller. False: there is none; job.end says why. Requires: `look` was true.
  bool move();

 private:
  const RuleCache::Entry* find_rule();
  Rule load_rule(const CodeRange& range, uint64_t lookup) const;
  bool end(End reason);

  bool look_at(const Rule& rule);
  bool expect(uint64_t cfa, const Rule& rule);
  bool step_guess();
  bool step_slow();
  bool arrive(uint64_t pointer, uint64_t stack, bool was_signal);

  Registers here() const;
  Outcome step_registers(uint64_t lookup, const Registers& registers, Registers& caller,
                         bool& is_signal_frame);
  Outcome step_given(const Rule& rule, const Registers& registers, Registers& caller);
  bool replay(uint32_t index);

  Job& job_;
  RuleCache& cache_;
  Counts& counts_;
  StackBytes stack_;
  Cursor cursor_;
  uint32_t epoch_;
  bool has_moved_ = true;  ///< nothing for `move` to do: not yet looked, or a slow path did both
  uint64_t cfa_ = 0;       ///< what `move` goes on with
  Rule rule_;
  uint32_t odd_steps_ =
      0;  ///< that did not lead upwards: leaf frames of arm64, signals on their own stack
  /// Of the frame all_at_, the last place where all were known: the job's, or `caller_`.
  const Registers* all_;
  uint32_t all_at_ = 0;
  std::optional<Registers> caller_;
};

}  // namespace oc::unwind
