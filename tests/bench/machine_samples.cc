// What a machine costs: samples into it, memory, questions. Prints CPU time; ./dev bench machine runs it.
//
//     machine_samples [MILLIONS]

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "machine/graph.h"
#include "machine/query.h"

using namespace oc::machine;

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template <typename Body>
double timed(Body&& body) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const double from = cpu_seconds();
    body();
    best = std::min(best, cpu_seconds() - from);
  }
  return best;
}

struct Random {
  uint64_t state = 88172645463325252ull;
  uint32_t next(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>((state >> 11) % below);
  }
};

std::vector<StackRef> make_stacks(Machine& machine, Random& random, uint32_t count) {
  constexpr uint32_t kFunctions = 5000;
  std::vector<uint32_t> frames;
  for (uint32_t i = 0; i < kFunctions; ++i) {
    const std::string name = "function_" + std::to_string(i);
    OwnFrame frame;
    frame.function = name;
    frame.module = "/usr/lib/libwork.so";
    frames.push_back(machine.places.add({&frame, 1}));
  }
  std::vector<StackRef> stacks;
  std::vector<uint32_t> stack;
  for (uint32_t i = 0; i < count; ++i) {
    stack.clear();
    for (uint32_t depth = 8 + random.next(24); depth-- > 0;)
      stack.push_back(frames[random.next(kFunctions)]);
    stacks.push_back(machine.add_stack(stack));
  }
  return stacks;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t samples = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10) * 1'000'000;
  Machine machine;
  Random random;
  const auto stacks = make_stacks(machine, random, 20'000);
  std::vector<ContextId> contexts;
  for (int32_t tid = 1; tid <= 500; ++tid) {
    const auto comm = machine.texts.intern("worker" + std::to_string(tid % 40));
    contexts.push_back(machine.processes.context(machine.processes.thread(tid / 8 + 1, tid), comm));
  }
  const KindId kind = machine.kind("cpu-clock", ValueType::kDuration, "cpu");
  double from = cpu_seconds();
  for (uint64_t i = 0; i < samples; ++i) {
    Sample sample;
    sample.time = static_cast<int64_t>(i * 1000);
    sample.value = 1'001'001;
    sample.context = contexts[random.next(500)];
    sample.stack = stacks[random.next(20'000)];
    sample.kind = kind;
    sample.cpu = static_cast<uint16_t>(i & 7);
    machine.add(sample);
  }
  const double added = cpu_seconds() - from;
  std::printf("%-34s %8.1f million/s\n", "samples added", double(samples) / added / 1e6);
  std::printf("%-34s %8.1f\n", "bytes a sample",
              double(machine.samples.size_bytes()) / double(samples));
  Filter filter;
  const auto all = Selection::make(machine, filter);
  filter.comms = {"worker1*"};
  const auto some = Selection::make(machine, filter);
  const auto ask = [&](const char* what, const Selection& selection, std::vector<GroupBy> groups) {
    size_t rows = 0;
    const double seconds = timed([&] {
      Query query(selection, groups);
      query.run();
      rows = query.rows().size();
    });
    std::printf("%-34s %8.1f ms  %zu rows\n", what, seconds * 1e3, rows);
  };
  const GroupBy symbol = *parse_group_by("symbol"), comm = *parse_group_by("comm");
  ask("by function", *all, {symbol});
  ask("by name and function", *all, {comm, symbol});
  ask("by function, of some names", *some, {symbol});
  size_t nodes = 0;
  const double seconds = timed([&] { nodes = Graph::make(*all, {}).nodes().size(); });
  std::printf("%-34s %8.1f ms  %zu nodes\n", "callers and callees", seconds * 1e3, nodes);
}
