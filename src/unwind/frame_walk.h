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

/// The walk over one stack, a frame at a time.
class FrameWalk {
 public:
  /// Requires: registers that are usable.
  FrameWalk(Job& job, RuleCache& cache, Counts& counts);

  /// Adds the frame at the cursor, and moves it to the caller. False: that was the last one; job.end says why.
  bool step();

 private:
  RuleCache::Entry* find_rule();
  bool fill(RuleCache::Entry& entry, uint64_t key);
  Rule load_rule(const CodeRange& range, uint64_t lookup) const;
  bool end(End reason);

  bool step_to(uint64_t cfa, const Rule& rule);
  bool step_guess();
  bool step_slow();
  bool arrive(uint64_t pointer, uint64_t stack, bool was_signal);

  Registers here() const;
  Outcome step_registers(uint64_t lookup, const Registers& registers, Registers& caller,
                         bool& is_signal_frame);
  bool replay(uint32_t index);

  Job& job_;
  RuleCache& cache_;
  Counts& counts_;
  StackBytes stack_;
  Cursor cursor_;
  uint64_t epoch_;
  uint32_t odd_steps_ =
      0;  ///< that did not lead upwards: leaf frames of arm64, signals on their own stack
  /// Of the frame all_at_, the last place where all were known: the job's, or `caller_`.
  const Registers* all_;
  uint32_t all_at_ = 0;
  std::optional<Registers> caller_;
};

}  // namespace oc::unwind
