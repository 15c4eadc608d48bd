#include "unwind/unwinder.h"

#include "unwind/frame_walk.h"

namespace oc::unwind {
namespace {

/// Of each stack that is next: what most stacks read until the memory's own prefetching has caught up.
constexpr uint32_t kAheadBytes = 1024;

void fetch(const Job& job) {
  const size_t size = job.stack.size() < kAheadBytes ? job.stack.size() : kAheadBytes;
  for (size_t at = 0; at < size; at += 64) __builtin_prefetch(job.stack.data() + at);
}

}  // namespace

void Unwinder::unwind(Job& job) {
  if (job.registers == nullptr || !job.registers->are_usable()) {
    job.count = 0;
    job.end = End::kNoRegisters;
    return;
  }
  FrameWalk walk(job, cache_, counts_);
  while (walk.step()) {
  }
  counts_.frames += job.count;
}

void Unwinder::unwind(std::span<Job> jobs) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (i + 1 < jobs.size()) fetch(jobs[i + 1]);
    unwind(jobs[i]);
  }
}

}  // namespace oc::unwind
