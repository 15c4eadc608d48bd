#include "unwind/unwinder.h"

#include <array>
#include <optional>

#include "unwind/frame_walk.h"

namespace oc::unwind {
namespace {

/// How many stacks are worked on in turns: enough to hide what memory takes to answer, few enough for what one core can
/// ask for at once.
constexpr size_t kTogether = 16;

/// How many jobs ahead of the newest one memory is asked for what each job reads first, and how much of its stack that is.
constexpr size_t kAhead = 4;
constexpr size_t kAheadBytes = 512;

void fetch(const Job& job) {
  const auto* registers = reinterpret_cast<const uint8_t*>(job.registers);
  for (size_t at = 0; at < sizeof(Registers); at += 64) __builtin_prefetch(registers + at);
  const size_t size = job.stack.size() < kAheadBytes ? job.stack.size() : kAheadBytes;
  for (size_t at = 0; at < size; at += 64) __builtin_prefetch(job.stack.data() + at);
}

/// False, and the job is done: it has no registers.
bool can_start(Job& job) {
  if (job.registers != nullptr && job.registers->are_usable()) return true;
  job.count = 0;
  job.is_guessed = false;
  job.end = End::kNoRegisters;
  return false;
}

/// Some of the jobs, in turns.
class Group {
 public:
  Group(std::span<Job> jobs, RuleCache& cache, Counts& counts)
      : jobs_(jobs), cache_(cache), counts_(counts) {}

  void run() {
    for (auto& walk : walks_) start(walk);
    while (running_ != 0) {
      for (auto& walk : walks_) {
        if (walk && !walk->look()) start(walk);
      }
      for (auto& walk : walks_) {
        if (walk && !walk->move()) start(walk);
      }
    }
  }

 private:
  /// The next job takes the place of the one that is done. It begins with a look, so it waits for the next turn.
  void start(std::optional<FrameWalk>& walk) {
    running_ -= walk ? 1 : 0;
    walk.reset();
    while (next_ < jobs_.size() && !can_start(jobs_[next_])) ++next_;
    if (next_ == jobs_.size()) return;
    if (next_ + kAhead < jobs_.size()) fetch(jobs_[next_ + kAhead]);
    walk.emplace(jobs_[next_++], cache_, counts_);
    ++running_;
  }

  std::span<Job> jobs_;
  RuleCache& cache_;
  Counts& counts_;
  size_t next_ = 0;
  size_t running_ = 0;
  std::array<std::optional<FrameWalk>, kTogether> walks_;
};

}  // namespace

void Unwinder::unwind(Job& job) {
  if (!can_start(job)) return;
  FrameWalk walk(job, cache_, counts_);
  while (walk.look() && walk.move()) {
  }
  counts_.frames += job.count;
}

void Unwinder::unwind(std::span<Job> jobs) {
  Group(jobs, cache_, counts_).run();
  for (const Job& job : jobs) counts_.frames += job.count;
}

}  // namespace oc::unwind
