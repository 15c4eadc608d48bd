// Unwinds a recording of `perf record --call-graph dwarf` and prints its stacks, or how fast that went.
//   unwind_stacks FILE print      each stack; addresses are offsets in files, of callers those of the call, as perf script prints them
//   unwind_stacks FILE both       reads the file and unwinds on two threads, as a whole process would; frames
//   unwind_stacks FILE [ROUNDS]   frames per second of CPU time, cold and warm, and the reasons for the ends
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>

#include "support/recorded_stacks.h"

using oc::test::RecordedStack;
using oc::test::RecordedStacks;
using namespace oc::unwind;

namespace {

constexpr uint32_t kMaxFrames = 260;
constexpr size_t kTogether = 64;  // stacks whose frames are kept at once

void print(RecordedStacks& recorded) {
  Unwinder unwinder;
  std::array<Frame, kMaxFrames> frames;
  for (RecordedStack& stack : recorded.stacks) {
    Job job{&stack.registers, stack.stack, stack.code.get(), frames};
    unwinder.unwind(job);
    std::printf("%d/%d %lu.%09lu %s%s\n", stack.pid, stack.tid, stack.time / 1000000000,
                stack.time % 1000000000, std::string(describe(job.end)).c_str(),
                job.is_guessed ? " (guessed)" : "");
    for (uint32_t i = 0; i < job.count; ++i) {
      const uint64_t address = frames[i].address - (frames[i].is_return ? 1 : 0);
      const auto range = stack.code->find(address);
      std::printf("\t%lx\n", range ? address - range->start + range->file_offset : address);
    }
    std::printf("\n");
  }
}

/// CPU time of this thread: the machine may have other things to do.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds_since(double start) { return now() - start; }

void measure(RecordedStacks& recorded, int rounds) {
  Unwinder unwinder;
  std::vector<Frame> frames(kTogether * kMaxFrames);
  std::vector<Job> jobs;
  for (RecordedStack& stack : recorded.stacks) {
    const std::span room = std::span(frames).subspan(jobs.size() % kTogether * kMaxFrames);
    jobs.push_back({&stack.registers, stack.stack, stack.code.get(), room.first(kMaxFrames)});
  }
  for (int round = 0; round < rounds; ++round) {
    const Counts before = unwinder.counts();
    const auto start = now();
    for (size_t i = 0; i < jobs.size(); i += kTogether)
      unwinder.unwind(std::span(jobs).subspan(i, std::min(kTogether, jobs.size() - i)));
    const double seconds = seconds_since(start);
    const uint64_t count = unwinder.counts().frames - before.frames;
    std::printf("%s %lu stacks %lu frames %.4f s %.2f M frames/s, %lu misses %lu slow\n",
                round == 0 ? "cold" : "warm", jobs.size(), count, seconds,
                static_cast<double>(count) / seconds / 1e6,
                unwinder.counts().misses - before.misses, unwinder.counts().slow - before.slow);
  }
  std::array<uint64_t, kEndCount> ends{};
  for (const Job& job : jobs) ++ends[static_cast<size_t>(job.end)];
  for (uint32_t i = 0; i < kEndCount; ++i)
    if (ends[i] != 0)
      std::printf("%lu: %s\n", ends[i], std::string(describe(static_cast<End>(i))).c_str());
}

/// One thread's share, the stacks of a process together. Gives the frames.
uint64_t unwind_share(std::span<RecordedStack> stacks) {
  Unwinder unwinder;
  std::vector<Frame> frames(kTogether * kMaxFrames);
  std::vector<Job> jobs;
  for (size_t at = 0; at < stacks.size(); at += kTogether) {
    jobs.clear();
    for (RecordedStack& stack : stacks.subspan(at, std::min(kTogether, stacks.size() - at))) {
      const std::span room = std::span(frames).subspan(jobs.size() * kMaxFrames, kMaxFrames);
      jobs.push_back({&stack.registers, stack.stack, stack.code.get(), room});
    }
    unwinder.unwind(jobs);
  }
  return unwinder.counts().frames;
}

void unwind_on_both(RecordedStacks& recorded) {
  std::span<RecordedStack> stacks = recorded.stacks;
  std::stable_sort(stacks.begin(), stacks.end(),
                   [](const auto& a, const auto& b) { return a.pid < b.pid; });
  const size_t half = stacks.size() / 2;
  uint64_t there = 0;
  std::thread other([&] { there = unwind_share(stacks.subspan(half)); });
  const uint64_t here = unwind_share(stacks.first(half));
  other.join();
  std::printf("%lu stacks %lu frames\n", stacks.size(), here + there);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto start = now();
  auto recorded = RecordedStacks::load(argv[1]);
  if (!recorded) {
    std::fprintf(stderr, "unwind_stacks: %s\n", recorded.error().what.c_str());
    return 1;
  }
  const std::string what = argc > 2 ? argv[2] : "3";
  if (what == "print") {
    print(*recorded);
  } else if (what == "both") {
    unwind_on_both(*recorded);
  } else {
    std::printf("read in %.4f s, %lu mappings\n", seconds_since(start), recorded->mappings);
    measure(*recorded, std::atoi(what.c_str()));
  }
}
