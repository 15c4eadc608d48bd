#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "support/corpus.h"
#include "support/exported.h"
#include "support/nettrace_reader.h"
#include "support/repeats.h"
#include "support/sample_maker.h"
#include "support/traced_machine.h"

using namespace oc;
using namespace oc::machine;

namespace {

using test::NettraceFile;

base::Result<NettraceFile> read(const std::string& bytes) {
  return test::read_nettrace({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

NettraceFile read_export(Machine& machine, test::Wanted wanted = {}) {
  const std::string bytes = test::exported(machine, "nettrace", wanted);
  auto file = read(bytes);
  INFO((file ? std::string() : file.error().what));
  REQUIRE(file);
  CHECK(file->deviations.empty());
  CHECK(bytes == test::exported(machine, "nettrace", wanted));
  return std::move(*file);
}

/// Names of a stack's functions as a reader finds them: by mappings and symbols of the event's process.
std::string names_of(const NettraceFile& file, const NettraceFile::Event& event) {
  std::string names;
  for (auto address = event.stack.rbegin(); address != event.stack.rend(); ++address) {
    std::string found = "?";
    for (const auto& mapping : file.events) {
      if (file.kind_of(mapping).name != "ProcessMapping") continue;
      if (file.thread_of(mapping).pid != file.thread_of(event).pid) continue;
      if (mapping.time > event.time) continue;
      const auto number = [](const NettraceFile::Event& of, const char* field) {
        return of.values.at(field).number;
      };
      if (*address < number(mapping, "StartAddress") || *address >= number(mapping, "EndAddress"))
        continue;
      const std::string path = mapping.values.at("FileName").text;
      found = path.substr(path.rfind('/') + 1) + "!?";
      for (const auto& symbol : file.events) {
        if (file.kind_of(symbol).name != "ProcessSymbol") continue;
        if (number(symbol, "MappingId") != number(mapping, "Id")) continue;
        if (*address < number(symbol, "StartAddress") || *address > number(symbol, "EndAddress"))
          continue;
        found = path.substr(path.rfind('/') + 1) + "!" + symbol.values.at("Name").text;
      }
    }
    names += (names.empty() ? "" : ";") + found;
  }
  return names;
}

std::vector<const NettraceFile::Event*> events_of(const NettraceFile& file,
                                                  const std::string& name) {
  std::vector<const NettraceFile::Event*> events;
  for (const auto& event : file.events) {
    if (file.kind_of(event).name == name) events.push_back(&event);
  }
  return events;
}

}  // namespace

TEST_CASE("nettrace: samples keep time, CPU, thread, value, stack and labels") {
  Machine machine;
  machine.facts.start_ns = 5'000'000'000;
  machine.facts.wall_offset = 1'700'000'000'000'000'000;
  machine.facts.host["cpus_online"] = "4";
  test::SampleMaker maker(machine);
  machine.kind("cpu-clock", ValueType::kDuration, "cpu");
  maker.add("cpu-clock", 1000, 1'000'000, 7, 7, "main",
            maker.stack({"main", "parse", "malloc@/lib/libc.so.6"}), 3);
  maker.add("cpu-clock", 2000, 1'000'000, 7, 8, "worker", maker.stack({"main", "[k]do_syscall_64"}),
            1);
  Sample labelled = machine.samples[1];
  labelled.time = 3000;
  const Attribute attributes[] = {
      {machine.texts.intern("activity_id"),
       machine.texts.intern("00112233-4455-6677-8899-aabbccddeeff"), 0, true},
      {machine.texts.intern("span_id"), machine.texts.intern("00000000000000ff"), 0, true},
      {machine.texts.intern("url"), machine.texts.intern("/a;b<c>"), 0, true},
      {machine.texts.intern("bytes"), {}, -17, false},
      {machine.texts.intern("ratio"), {}, 0.25, false}};
  labelled.attributes = machine.attributes.intern(attributes);
  machine.add(labelled);

  const NettraceFile file = read_export(machine);
  CHECK(file.frequency == 1'000'000'000);
  CHECK(file.sync_ticks == 5'000'000'000);
  CHECK(file.wall[0] == 2023);  // 2023-11-14 22:13:25, a Tuesday
  CHECK(file.wall[2] == 2);
  CHECK(file.wall[6] == 25);
  CHECK(file.facts.at("HardwareThreadCount") == "4");
  const auto samples = events_of(file, "cpu");
  REQUIRE(samples.size() == 3);
  CHECK(samples[0]->time == 5'000'001'000);
  CHECK(samples[0]->cpu == 3);
  CHECK(samples[0]->values.at("Value").number == 1'000'000);
  CHECK(*file.thread_of(*samples[1]).pid == 7);
  CHECK(*file.thread_of(*samples[1]).tid == 8);
  CHECK(file.thread_of(*samples[1]).name == "worker");
  CHECK(names_of(file, *samples[0]) == "prog!main;prog!parse;libc.so.6!malloc");
  CHECK(names_of(file, *samples[1]) == "prog!main;[kernel.kallsyms]!do_syscall_64");
  const auto& labels = samples[2]->labels;
  REQUIRE(labels.size() == 5);
  CHECK(labels[0].kind == 1);
  CHECK(labels[0].text == "33221100554477668899aabbccddeeff");
  CHECK(labels[1].kind == 4);
  CHECK(labels[1].number == 0xff);
  CHECK(labels[2].text == "/a;b<c>");
  CHECK(labels[3].number == -17);
  CHECK(labels[4].text == "0.25");
  CHECK(samples[1]->labels.empty());
}

TEST_CASE("nettrace: processes begin, are named, and end, also where a pid is used again") {
  Machine machine;
  ProcessTable& processes = machine.processes;
  processes.found(1, 100, 100, "first");
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  maker.add("cpu-clock", 10, 1, 100, 100, "first", stack);
  processes.exit(20, 1, 100, 100);
  processes.fork(30, 2, 100, 100, 1, "second");
  maker.add("cpu-clock", 40, 1, 100, 100, "second", stack);
  const NettraceFile file = read_export(machine);
  const auto existing = events_of(file, "ExistingProcess"), made = events_of(file, "ProcessCreate"),
             ended = events_of(file, "ProcessExit");
  REQUIRE(existing.size() == 1);
  CHECK(existing[0]->values.at("Name").text == "first");
  REQUIRE(ended.size() == 1);
  CHECK(ended[0]->time == 20);
  REQUIRE(made.size() == 1);
  CHECK(made[0]->time == 30);
  CHECK(made[0]->values.at("Name").text == "second");
  CHECK(made[0]->values.at("NamespaceId").number == 100);
  CHECK(file.events.size() == 2 + 1 + 1 + 1 + 2 + 1);  // samples, processes, exit, mappings, symbol
}

TEST_CASE("nettrace: live addresses come from mappings, with build ids and offsets") {
  test::TracedMachine traced;
  Machine& machine = traced.machine;
  const auto libc = traced.file("/lib/libc.so.6", {0xab, 0xcd});
  traced.map(5, libc, 0x7f0000001000, 0x7f0000009000, 0x1000);
  const uint32_t leaf = traced.frame_at(libc, 0x1234, "malloc", 0x34),
                 caller = traced.frame_at(libc, 0x5000, "qsort", 0x10, true);
  traced.add_sample(100, 5, {leaf, caller});
  const NettraceFile file = read_export(machine);
  const auto samples = events_of(file, "cpu-clock");
  REQUIRE(samples.size() == 1);
  // The caller's address is in the call, not behind it.
  CHECK(samples[0]->stack == std::vector<uint64_t>{0x7f0000001234, 0x7f0000004fff});
  CHECK(names_of(file, *samples[0]) == "libc.so.6!qsort;libc.so.6!malloc");
  const auto mappings = events_of(file, "ProcessMapping");
  REQUIRE(mappings.size() == 1);
  CHECK(mappings[0]->values.at("FileOffset").number == 0x1000);
  const auto metadata = events_of(file, "ProcessMappingMetadata");
  REQUIRE(metadata.size() == 1);
  CHECK(metadata[0]->values.at("SymbolMetadata").text == R"({"type":"ELF","build_id":"abcd"})");
  CHECK(metadata[0]->values.at("Id").number == mappings[0]->values.at("MetadataId").number);
  const auto symbols = events_of(file, "ProcessSymbol");
  REQUIRE(symbols.size() == 2);
  CHECK(symbols[0]->values.at("StartAddress").number == 0x7f0000001200);
  CHECK(symbols[0]->values.at("EndAddress").number == 0x7f0000001234);  // inclusive
  traced.set_segment({0x2100, 0x1100, 0, 0x9000});
  const NettraceFile linked = read_export(machine);
  CHECK(events_of(linked, "ProcessMappingMetadata")[0]->values.at("SymbolMetadata").text ==
        R"({"type":"ELF","build_id":"abcd","p_vaddr":"0x2100","p_offset":"0x1100"})");
}

TEST_CASE("nettrace: one address that meant two things in a process keeps both names") {
  test::TracedMachine traced;
  const auto a = traced.file("/lib/a.so", {}), b = traced.file("/lib/b.so", {});
  traced.map(5, a, 0x1000, 0x2000, 0);
  const uint32_t in_a = traced.frame_at(a, 0x10, "in_a", 0);
  traced.add_sample(10, 5, {in_a});
  traced.map(5, b, 0x1000, 0x2000, 0, 20);
  const uint32_t in_b = traced.frame_at(b, 0x10, "in_b", 0);
  traced.add_sample(30, 5, {in_b});
  const NettraceFile file = read_export(traced.machine);
  const auto samples = events_of(file, "cpu-clock");
  REQUIRE(samples.size() == 2);
  CHECK(names_of(file, *samples[0]) == "a.so!in_a");
  CHECK(names_of(file, *samples[1]) == "b.so!in_b");
}

TEST_CASE("nettrace: inlined functions are frames when they are asked for") {
  Machine machine;
  const OwnFrame lines[] = {{"inner", "/bin/prog", "a.h", 3, 0, false},
                            {"outer", "/bin/prog", "a.cc", 9, 0, false}};
  const uint32_t frame = machine.places.add(lines);
  test::SampleMaker maker(machine);
  maker.add("cpu-clock", 1, 1, 1, 1, "prog", machine.add_stack({&frame, 1}));
  const NettraceFile with = read_export(machine);
  CHECK(names_of(with, *events_of(with, "cpu-clock")[0]) == "prog!outer;prog!inner");
  test::Wanted wanted;
  wanted.inlined = false;
  const NettraceFile without = read_export(machine, wanted);
  CHECK(names_of(without, *events_of(without, "cpu-clock")[0]) == "prog!outer");
}

TEST_CASE("nettrace: each kind is an event, and only one of them is cpu") {
  Machine machine;
  machine.kind("cycles", ValueType::kCount, "cpu");
  machine.kind("cpu-clock", ValueType::kDuration, "cpu");
  machine.kind("off_cpu", ValueType::kDuration);
  machine.kind("heat", ValueType::kNumber);
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  maker.add("cycles", 1, 1000, 1, 1, "a", stack);
  maker.add("cpu-clock", 2, 2000, 1, 1, "a", stack);
  maker.add("off_cpu", 3, 3000, 1, 1, "a", stack);
  maker.add("heat", 4, -1.5, 1, 1, "a", stack);
  const NettraceFile file = read_export(machine);
  REQUIRE(events_of(file, "cpu").size() == 1);
  CHECK(file.kind_of(*events_of(file, "cpu")[0]).facts.at("kind") == "cycles");
  CHECK(events_of(file, "cpu-clock").size() == 1);
  CHECK(events_of(file, "cswitch").size() == 1);
  REQUIRE(events_of(file, "heat").size() == 1);
  CHECK(events_of(file, "heat")[0]->values.at("Value").real == -1.5);
  test::Wanted wanted;
  wanted.values = false;
  const NettraceFile counts = read_export(machine, wanted);
  CHECK(events_of(counts, "cpu")[0]->values.at("Value").number == 1);
}

TEST_CASE("nettrace: what was lost is what a reader misses") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cpu-clock", 1, 1, 1, 1, "a", maker.stack({"main"}));
  machine.facts.losses.push_back({2, machine.texts.intern("sched:sched_switch"), 70});
  machine.facts.losses.push_back({-1, {}, 5});
  machine.facts.losses.push_back({0, {}, uint64_t{1} << 40});
  const NettraceFile file = read_export(machine);
  CHECK(file.lost == 75 + uint64_t{INT32_MAX});
  CHECK(file.threads[file.threads.size() - 3].name == "lost records of CPU 2 (sched:sched_switch)");
  CHECK(file.threads.back().facts.at("records") == "1099511627776");
}

TEST_CASE("nettrace: samples that are out of order are written in order") {
  Machine machine;
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  for (const int time : {50, 10, 40, 20, 30})
    maker.add("cpu-clock", time, time, 1, time % 3 + 1, "a", stack);
  const NettraceFile file = read_export(machine);  // the reader refuses others
  const auto samples = events_of(file, "cpu-clock");
  REQUIRE(samples.size() == 5);
  for (int i = 0; i < 5; ++i) CHECK(samples[i]->values.at("Value").number == uint64_t(i + 1) * 10);
}

TEST_CASE("nettrace: spans are events with a duration") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cpu-clock", 100, 1, 4, 4, "a", maker.stack({"main"}));
  Span span;
  span.start = 50;
  span.end = 150;
  span.kind = machine.kind("requests", ValueType::kDuration);
  span.name = machine.texts.intern("GET /");
  span.context =
      machine.processes.context(machine.processes.thread(4, 4), machine.texts.intern("a"));
  machine.spans.add(span);
  span.parent = {1};
  span.start = 60;
  machine.spans.add(span);
  const NettraceFile file = read_export(machine);
  const auto spans = events_of(file, "Span");
  REQUIRE(spans.size() == 2);
  CHECK(spans[0]->time == 50);
  CHECK(spans[0]->values.at("Duration").number == 100);
  CHECK(spans[0]->values.at("Name").text == "GET /");
  CHECK(spans[1]->values.at("ParentId").number == 1);
  test::Wanted wanted;
  wanted.filter.pids = {5};
  CHECK(events_of(read_export(machine, wanted), "Span").empty());
}

TEST_CASE("nettrace: an empty machine and hostile names make files that can be read") {
  Machine empty;
  CHECK(read_export(empty).events.empty());
  Machine machine;
  test::SampleMaker maker(machine);
  std::string nul("a\0b<&;\"\xff\xfe", 9), deep(65536, 'x');
  deep += "\xe2\x82";  // half a character
  maker.add(nul, 1, 1, 1, 1, deep, maker.stack({nul, deep, "[k]\n"}));
  machine.facts.losses.push_back({0, machine.texts.intern(deep), 1});
  machine.facts.host[nul] = deep;
  machine.facts.notes.assign(100, deep);
  const Attribute attribute{machine.texts.intern(deep), machine.texts.intern(nul), 0, true};
  Sample sample = machine.samples[0];
  sample.attributes = machine.attributes.intern({&attribute, 1});
  machine.add(sample);
  const NettraceFile file = read_export(machine);
  CHECK(file.events.size() == 2 + 1 + 2 + 3);
}

TEST_CASE(
    "nettrace: large tables become several blocks, and stacks always come before their events") {
  Machine machine;
  test::SampleMaker maker(machine);
  std::vector<uint32_t> frames;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "f" + std::to_string(i);
    const OwnFrame frame{name, "/bin/prog", {}, 0, 0, false};
    frames.push_back(machine.places.add({&frame, 1}));
  }
  for (int i = 0; i < 4000; ++i) {
    std::rotate(frames.begin(), frames.begin() + 1 + i % 7, frames.end());
    std::swap(frames[0], frames[1 + size_t(i) % 399]);
    maker.add("cpu-clock", i, 1, i % 50, i % 50, "a", machine.add_stack(frames));
  }
  const NettraceFile file = read_export(machine);
  CHECK(file.blocks.at(5) > 8);
  CHECK(file.largest_block < 16 << 20);
  for (const auto* event : events_of(file, "cpu-clock")) CHECK(event->stack.size() == 400);
}

TEST_CASE("nettrace: the corpus's files of version 6 are read") {
  const auto folder = test::corpus("nettrace/onecollect-v6");
  if (folder.empty()) {
    WARN("skipped: there is no corpus");
    return;
  }
  // What TraceEvent says of them (MANIFEST.md): events, pids.
  const std::pair<const char*, std::pair<size_t, size_t>> known[] = {
      {"burn-1pid-oncpu.nettrace", {1614, 1}}, {"burn-2pids-oncpu.nettrace", {2144, 2}}};
  for (const auto& [name, counts] : known) {
    auto file = read(test::read_text(folder / name));
    INFO(name << ": " << (file ? std::string() : file.error().what));
    REQUIRE(file);
    CHECK(file->events.size() == counts.first);
    CHECK(events_of(*file, "ExistingProcess").size() + events_of(*file, "ProcessCreate").size() ==
          counts.second);
    CHECK(file->lost == 0);
    CHECK(file->deviations.size() == 2);
    // Two thirds of the time in leafA, one in leafB, says who recorded it.
    size_t a = 0, b = 0;
    std::map<std::vector<uint64_t>, std::string> names;
    for (const auto* event : events_of(*file, "cpu")) {
      std::string& known = names[event->stack];
      if (known.empty()) known = names_of(*file, *event) + ";";
      a += known.find("leafA") != std::string::npos;
      b += known.find("leafB") != std::string::npos;
    }
    CHECK(a > b * 3 / 2);
    CHECK(b > 0);
  }
}

TEST_CASE("nettrace: the reader of these tests refuses what is damaged") {
  Machine machine;
  test::SampleMaker maker(machine);
  for (int i = 0; i < 20; ++i)
    maker.add("cpu-clock", i, i, 1, i % 3, "a", maker.stack({"main", "b"}));
  const std::string good = test::exported(machine, "nettrace");
  REQUIRE(read(good));
  for (size_t size = 0; size < good.size(); ++size) REQUIRE(!read(good.substr(0, size)));
  std::mt19937 random(1);
  size_t refused = 0;
  const int tries = 3000;
  for (int i = 0; i < tries; ++i) {
    std::string bad = good;
    for (int k = 0; k < 1 + i % 3; ++k)
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    refused += !read(bad);
  }
  CHECK(refused > tries / 4);
}
