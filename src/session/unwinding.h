#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "process/address_spaces.h"
#include "process/stack_table.h"
#include "session/frame_finder.h"
#include "session/rule_tables.h"
#include "unwind/unwinder.h"

namespace oc::session {

/// A user stack to unwind, and then what was found.
struct UnwindJob {
  const process::CodeMap* map = nullptr;  ///< lent until the batch is over
  int32_t pid = 0;
  uint32_t index = 0;  ///< of the one who asks
  uint64_t abi = 0;
  uint64_t mask = 0;
  std::span<const uint8_t> registers;
  std::span<const uint8_t> stack;
  // Found:
  uint32_t first = 0;  ///< of its frames among those of all
  uint32_t count = 0;
  uint64_t nowhere =
      0;  ///< the address of a first frame where nothing is mapped; its id is 0 until it is known
  process::StackEnd end = process::StackEnd::kComplete;
};

/// Unwinds the user stacks of a batch, half of them on a thread of its own.
///
///     jobs by process:   1 1 1 1 | 1 2 2 3        one process is cut at most, so that rules are found once
///                        here    | worker
///
/// What it needs of the outside does not change meanwhile: lent maps, files by module.
class Unwinding {
 public:
  Unwinding(FrameFinder& frames, RuleTables& rules, unwind::Arch arch);
  ~Unwinding();
  Unwinding(const Unwinding&) = delete;
  Unwinding& operator=(const Unwinding&) = delete;

  /// Sorts the jobs and does them all. `use` gets each of them with its frames, in any order.
  void run(std::vector<UnwindJob>& jobs,
           const std::function<void(const UnwindJob&, std::span<const uint32_t>)>& use);
  uint64_t frames() const { return frames_unwound_; }

 private:
  struct Half;  ///< what one thread has

  void work();
  void unwind(Half& half) const;
  void unwind_some(Half& half, std::span<UnwindJob> jobs) const;
  void use_half(Half& half,
                const std::function<void(const UnwindJob&, std::span<const uint32_t>)>& use);

  FrameFinder& frames_;
  RuleTables& rules_;
  const unwind::Arch arch_;
  std::unique_ptr<Half> here_;
  std::unique_ptr<Half> there_;
  uint64_t frames_unwound_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_work_ = false;
  bool is_over_ = false;
  std::thread thread_;  ///< started when there is enough to do for two
};

}  // namespace oc::session
