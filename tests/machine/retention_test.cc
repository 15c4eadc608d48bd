#include "machine/machine.h"

#include <catch2/catch.hpp>

#include <string>

#include "machine/replay.h"

using namespace oc;
using namespace oc::machine;

namespace {

/// A shell that starts one program after the other: each maps its code, has two names, a sample with attributes of its own
/// and a span, and ends.
class ManyPrograms {
 public:
  explicit ManyPrograms(const Retention& retention) {
    machine.set_retention(retention);
    machine.processes.found(1, 10, 10, "shell");
    machine.kind("cpu-clock");
    map(10, 0x1000);
  }

  void run(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) run_one();
  }

  /// Every sample and span that is kept must say what was added with it.
  void check() {
    uint64_t wrong = 0;
    for (uint64_t at = machine.samples.first(); at < machine.samples.end(); ++at) {
      const Sample sample = machine.samples[at];
      const auto number = static_cast<uint32_t>(sample.value);
      wrong += !is_of(sample.context, number);
      const auto id = machine.attributes.find(sample.attributes, machine.texts.intern("id"));
      wrong += !id || id->number != number;
      const ProcessId process =
          machine.processes.thread(machine.processes.context(sample.context).thread).process;
      const MachineMapping* mapping = machine.processes.find_mapping(process, {7}, 0x10);
      wrong += mapping == nullptr || mapping->start != code_of(number) ||
               mapping->from > sample.time || mapping->until < sample.time;
      wrong += machine.processes.process(process).start > sample.time;
    }
    for (const Span& span : machine.spans.all()) {
      const auto number = static_cast<uint32_t>(span.start / kStep);
      wrong += !is_of(span.context, number);
      wrong += span.parent && !machine.spans.has(span.parent);
    }
    CHECK(wrong == 0);
    CHECK(machine.text(machine.processes.process(machine.processes.find(10)).comm) == "shell");
  }

  Machine machine;
  uint32_t programs = 0;

 private:
  static constexpr int64_t kStep = 1000;
  static uint64_t code_of(uint32_t number) { return 0x10000 + uint64_t{number} * 0x1000; }
  static int32_t pid_of(uint32_t number) { return 100 + static_cast<int32_t>(number % 5000); }
  static std::string group_of(uint32_t number) {
    return number % 3 == 0 ? "" : "/group-" + std::to_string(number % 3);
  }
  static std::string name_of(uint32_t number) { return "tool-" + std::to_string(number % 97); }

  bool is_of(ContextId id, uint32_t number) {
    if (!id || id.value > machine.processes.contexts().size()) return false;
    const Context& context = machine.processes.context(id);
    return machine.text(context.comm) == name_of(number) &&
           machine.text(context.cgroup) == group_of(number) &&
           machine.processes.process_of(id).pid == pid_of(number) &&
           machine.processes.thread(context.thread).tid == pid_of(number);
  }

  void map(int32_t pid, uint64_t start) {
    MachineMapping mapping;
    mapping.module = {7};
    mapping.start = start;
    mapping.end = start + 0x1000;
    machine.processes.map(time_, pid, mapping);
  }

  void run_one() {
    const uint32_t number = programs++, life = 2 + number;
    const int32_t pid = pid_of(number);
    time_ = number * kStep;
    auto& processes = machine.processes;
    processes.fork(time_, life, pid, pid, 10, "shell");
    processes.comm(time_ + 1, life, pid, pid, name_of(number), true);
    map(pid, code_of(number));
    Sample sample;
    sample.time = time_ + 10;
    sample.value = number;
    sample.kind = {1};
    sample.context = processes.context(
        processes.thread_of_life(life, pid, pid), machine.texts.intern(name_of(number)),
        number % 3 == 0 ? base::StringId{} : machine.texts.intern(group_of(number)));
    const Attribute id{machine.texts.intern("id"), {}, double(number), false};
    sample.attributes = machine.attributes.intern({&id, 1});
    machine.add(sample);
    Span span;
    span.start = time_;
    span.end = time_ + 20;
    span.kind = {1};
    span.context = sample.context;
    span.parent = last_span_;
    last_span_ = machine.add_span(span);
    processes.exit(time_ + 30, life, pid, pid);
    machine.keep_to(time_ + 30);
  }

  int64_t time_ = kBeforeTrace;
  SpanId last_span_;
};

}  // namespace

TEST_CASE("retention by time bounds everything, and what is kept is named as it was") {
  ManyPrograms world({.span = 8'000'000, .samples = 0, .size_bytes = 0});  // 8,000 programs
  world.run(35'000);
  const uint64_t size_bytes = world.machine.size_bytes();
  const size_t rows = world.machine.processes.rows();
  world.check();
  CHECK(world.machine.spans.all().size() < 11'000);
  CHECK(world.machine.spans.dropped() > 20'000);
  world.run(50'000);
  world.check();
  CHECK(world.machine.size_bytes() < size_bytes * 3 / 2);
  CHECK(world.machine.processes.rows() < rows * 3 / 2);
  CHECK(world.machine.processes.generation() > 1);
  CHECK(world.machine.attributes.distinct() < 60'000);
}

TEST_CASE("retention by count bounds what ran, too") {
  ManyPrograms world({.span = 0, .samples = 16'000, .size_bytes = 0});
  world.run(40'000);
  const uint64_t size_bytes = world.machine.size_bytes();
  world.check();
  world.run(40'000);
  world.check();
  CHECK(world.machine.samples.size() >= 16'000);
  CHECK(world.machine.size_bytes() < size_bytes * 3 / 2);
}

TEST_CASE("retention by bytes is of all that it can let go") {
  constexpr uint64_t kLimit = 12 << 20;
  ManyPrograms world({.span = 0, .samples = 0, .size_bytes = kLimit});
  world.run(80'000);
  world.check();
  CHECK(world.machine.samples.size() > 0);
  const Machine& machine = world.machine;
  const uint64_t kept = machine.samples.size_bytes() + machine.spans.size_bytes() +
                        machine.attributes.size_bytes() + machine.processes.size_bytes();
  CHECK(kept < kLimit * 3 / 2);
}

TEST_CASE("without retention nothing is forgotten") {
  ManyPrograms world({});
  world.run(20'000);
  world.check();
  CHECK(world.machine.processes.processes().size() == 20'001);
  CHECK(world.machine.spans.all().size() == 20'000);
  CHECK(world.machine.processes.generation() == 0);
}

TEST_CASE("a program that began long ago and still runs stays, with its name then and its code") {
  Machine machine;
  machine.set_retention({.span = 1'000, .samples = 0, .size_bytes = 0});
  auto& processes = machine.processes;
  processes.fork(0, 1, 5, 5, 1, "server");
  for (int i = 0; i < 10'000; ++i) {
    processes.comm(10 + i, 1, 5, 5, "worker-" + std::to_string(i), false);
    processes.fork(10 + i, 2 + i, 6 + i, 6 + i, 5, "child");
    processes.exit(10 + i, 2 + i, 6 + i, 6 + i);
    machine.keep_to(10 + i);
  }
  const ProcessId server = processes.find(5);
  REQUIRE(server);
  CHECK(processes.process(server).start == 0);
  const Thread& thread = processes.thread({processes.process(server).threads.front()});
  CHECK(thread.names.size() < 6'000);
  CHECK(thread.names.front().time <= 10 + 9'999 - 1'000);  // the name that it had then
  CHECK(machine.text(thread.names.back().name) == "worker-9999");
  CHECK(processes.processes().size() < 8'000);
  processes.exit(20'000, 1, 5, 5);
  CHECK(processes.process(server).end == 20'000);
}

TEST_CASE("a set of attributes that somebody holds, or associated with one, is not forgotten") {
  base::Interner texts;
  AttributeTable table;
  const auto set = [&](double number, std::initializer_list<AttributesId> others) {
    const Attribute attribute{texts.intern("n"), {}, number, false};
    return table.intern({&attribute, 1}, {others.begin(), others.size()});
  };
  const AttributesId lost = set(1, {}), connection = set(2, {});
  const Attribute attribute{texts.intern("n"), {}, 3, false};
  auto made = table.make({&attribute, 1}, {&connection, 1});
  table.forget({});
  CHECK(table.distinct() == 2);
  CHECK(table.own(connection).front().number == 2);
  CHECK(table.own(lost).empty());
  CHECK(set(4, {}).value == lost.value);  // used again
  CHECK(set(2, {}).value == connection.value);
  made.hold.reset();
  std::vector<uint8_t> used(table.size() + 1);
  used[made.id.value] = 1;  // by a sample
  table.forget(used);
  CHECK(table.own(made.id).front().number == 3);
  table.forget({});
  CHECK(table.distinct() == 0);
}
