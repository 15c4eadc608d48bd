#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <tuple>

#include "format/import.h"
#include "format/pprof_profile.h"
#include "format/pprof_schema.h"
#include "format/proto_reader.h"
#include "machine/query.h"
#include "support/exported.h"
#include "support/repeats.h"
#include "support/sample_maker.h"
#include "support/traced_machine.h"

using namespace oc;
using namespace oc::format::pprof;
using format::ProtoReader;

namespace {

std::span<const uint8_t> span_of(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

/// The numbers of a message by field; of a repeated one the last.
std::map<uint32_t, uint64_t> numbers(std::span<const uint8_t> message) {
  std::map<uint32_t, uint64_t> found;
  ProtoReader reader(message);
  while (reader.next()) found[reader.field()] = reader.value();
  CHECK_FALSE(reader.is_damaged());
  return found;
}

std::vector<std::span<const uint8_t>> messages(const std::string& bytes, uint32_t field) {
  std::vector<std::span<const uint8_t>> found;
  ProtoReader reader(span_of(bytes));
  while (reader.next()) {
    if (reader.field() == field) found.push_back(reader.bytes());
  }
  CHECK_FALSE(reader.is_damaged());
  return found;
}

Profile profile_of(const std::string& bytes) {
  auto profile = Profile::read(span_of(bytes));
  REQUIRE(profile);
  CHECK(profile->bad_references == 0);
  CHECK(profile->bad_messages == 0);
  return std::move(*profile);
}

std::unique_ptr<machine::Machine> read_back(const std::string& bytes) {
  auto imported = format::import_bytes(span_of(bytes), "profile", 1 << 30);
  REQUIRE(imported);
  for (const auto& note : (*imported)->facts.notes) UNSCOPED_INFO(note);
  CHECK((*imported)->facts.notes.empty());
  return std::move(*imported);
}

/// Sums by kind, name of thread, process, CPU and stack: what a profile keeps of samples.
std::map<std::string, double> table(machine::Machine& machine, const char* but_not_kind = "") {
  auto selection = machine::Selection::make(machine, {});
  REQUIRE(selection);
  using What = machine::GroupBy::What;
  std::vector<machine::GroupBy> groups(5);
  groups[0].what = What::kKind;
  groups[1].what = What::kComm;
  groups[2].what = What::kThread;
  groups[3].what = What::kCpu;
  groups[4].what = What::kStack;
  machine::Query query(*selection, groups);
  query.run();
  std::map<std::string, double> sums;
  for (const auto& row : query.rows()) {
    if (query.text(0, row.keys[0]) == but_not_kind) continue;
    std::string key;
    for (uint32_t i = 0; i < 5; ++i) key += query.text(i, row.keys[i]) + "|";
    sums[key] += row.sum;
  }
  return sums;
}

}  // namespace

TEST_CASE("a machine without samples is a sound profile") {
  machine::Machine machine;
  const std::string bytes = test::exported(machine, "pprof");
  const Profile profile = profile_of(bytes);
  REQUIRE(profile.types.size() == 1);
  CHECK(profile.types[0].type == "samples");
  CHECK(profile.texts[0].empty());
  CHECK(read_back(bytes)->samples.size() == 0);
}

TEST_CASE("a sample has its values, its labels and its stack, the innermost frame first") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  machine.kind("cpu-clock", machine::ValueType::kDuration, "cpu");
  const auto stack = maker.stack({"main", "work"});
  maker.add("cpu-clock", 5, 1'000'000, 10, 11, "worker", stack, 3);
  maker.add("cpu-clock", 6, 2'000'000, 10, 11, "worker", stack, 3);
  machine.processes.process(machine.processes.find(10)).comm = machine.texts.intern("server");
  const std::string bytes = test::exported(machine, "pprof");
  Profile profile = profile_of(bytes);
  REQUIRE(profile.types.size() == 2);
  CHECK(profile.types[1].type == "cpu-clock");
  CHECK(profile.types[1].unit == "nanoseconds");
  const auto samples = messages(bytes, kSample);
  REQUIRE(samples.size() == 1);
  std::vector<uint64_t> values, locations;
  std::map<std::string_view, std::string> labels;
  ProtoReader reader(samples[0]);
  while (reader.next()) {
    if (reader.field() == kValue) reader.for_each_number([&](uint64_t n) { values.push_back(n); });
    if (reader.field() == kLocationId)
      reader.for_each_number([&](uint64_t n) { locations.push_back(n); });
    if (reader.field() != kLabel) continue;
    auto label = numbers(reader.bytes());
    labels[profile.text(label[kKey])] =
        label[kStr] != 0 ? std::string(profile.text(label[kStr])) : std::to_string(label[kNum]);
  }
  CHECK(values == std::vector<uint64_t>{2, 3'000'000});
  CHECK(
      labels ==
      std::map<std::string_view, std::string>{
          {"thread", "worker"}, {"tid", "11"}, {"process", "server"}, {"pid", "10"}, {"cpu", "3"}});
  REQUIRE(locations.size() == 2);
  CHECK(profile.functions.at(1).name == "work");
  CHECK(profile.functions.at(2).name == "main");
}

TEST_CASE("frames of files have addresses in mappings with build ids") {
  test::TracedMachine traced;
  const std::array<uint8_t, 4> id{0xde, 0xad, 0xbe, 0xef};
  const auto program = traced.module(process::ModuleKind::kFile, "/bin/server", id);
  const auto library = traced.module(process::ModuleKind::kFile, "/lib/libc.so.6");
  const auto kernel = traced.module(process::ModuleKind::kKernel, "[kernel.kallsyms]");
  traced.map(-1, kernel, 0xffff0000, 0xffffff00, 0xffff0000);
  traced.map(10, library, 0x7f0000000000, 0x7f0000100000, 0x20000);
  traced.map(10, program, 0x400000, 0x500000, 0x1000);
  traced.map(20, library, 0x7f5500000000, 0x7f5500100000, 0x20000);
  const auto stack = traced.stack(
      {traced.frame(kernel, 0xffff1234, false, {{"do_it", "", 0}}),
       traced.frame(library, 0x20500, true, {}),
       traced.frame(program, 0x1100, true, {{"inner", "a.h", 7}, {"outer", "b.cc", 9}})},
      1);
  test::SampleMaker maker(traced.machine);
  maker.add("cycles", 1, 5, 10, 10, "server", stack);
  maker.add("cycles", 2, 5, 20, 20, "client", stack);
  const std::string bytes = test::exported(traced.machine, "pprof");
  Profile profile = profile_of(bytes);

  const auto mappings = messages(bytes, kMapping);
  REQUIRE(mappings.size() == 3);  // one of the library, though two processes have it
  auto first = numbers(mappings[0]);
  CHECK(profile.mappings.at(1).file ==
        "/bin/server");  // the program of the process with most samples
  CHECK(profile.text(first[kBuildId]) == "deadbeef");
  CHECK(first[kMemoryStart] == 0x400000);
  CHECK(first[kMemoryLimit] == 0x500000);
  CHECK(first[kFileOffset] == 0x1000);
  CHECK(first[kHasFunctions] == 1);
  CHECK(first[kHasFilenames] == 1);
  CHECK(first[kHasLineNumbers] == 1);
  CHECK(first[kHasInlineFrames] == 1);
  CHECK(profile.mappings.at(3).file == "/lib/libc.so.6");
  auto third = numbers(mappings[2]);
  CHECK(third.count(kHasFunctions) == 0);
  CHECK(third[kMemoryStart] == 0x7f0000000000);

  REQUIRE(profile.locations.size() == 3);
  auto in_kernel = numbers(profile.locations[0]);
  CHECK(in_kernel[kAddress] == 0xffff1234);
  auto in_library = numbers(profile.locations[1]);
  CHECK(in_library[kAddress] == 0x7f0000000000 + 0x500 - 1);  // in the call, not after it
  CHECK(in_library[kLocationMapping] == 3);
  CHECK(in_library.count(kLine) == 0);  // nobody knows the function
  CHECK(numbers(profile.locations[2])[kAddress] == 0x400000 + 0x100 - 1);
  std::vector<uint64_t> functions;
  ProtoReader lines(profile.locations[2]);
  while (lines.next()) {
    if (lines.field() == kLine) functions.push_back(numbers(lines.bytes())[kLineFunction]);
  }
  REQUIRE(functions.size() == 2);
  CHECK(profile.functions.at(functions[0]).name == "inner");
  CHECK(profile.functions.at(functions[0]).file == "a.h");
  CHECK(profile.functions.at(functions[1]).name == "outer");
}

TEST_CASE("a profile that was opened is written with its mappings, build ids and time") {
  test::TracedMachine traced;
  const auto program = traced.file("/bin/server", {0xde, 0xad});
  const auto library = traced.file("/lib/libc.so.6", {0xbe, 0xef});
  traced.map(10, library, 0x7f0000000000, 0x7f0000100000, 0x20000);
  traced.map(10, program, 0x400000, 0x500000, 0x1000);
  const auto stack = traced.stack({traced.frame(library, 0x20500, true, {}),
                                   traced.frame(program, 0x1100, true, {{"main", "a.c", 7}}),
                                   traced.frame(program, 0x1200, true, {})});
  test::SampleMaker maker(traced.machine);
  maker.add("cycles", 1, 5, 10, 10, "server", stack);
  traced.machine.facts.wall_offset = 1'700'000'000'123'456'789;
  traced.machine.facts.end = 2'000'000'000;
  const std::string bytes = test::exported(traced.machine, "pprof");
  const std::string again = test::exported(*read_back(bytes), "pprof");
  const auto table_of = [](const std::string& profile_bytes) {
    Profile profile = profile_of(profile_bytes);
    std::vector<std::tuple<std::string, std::string, uint64_t, uint64_t, uint64_t>> rows;
    for (const auto& message : messages(profile_bytes, kMapping)) {
      auto fields = numbers(message);
      rows.emplace_back(profile.text(fields[kMappingFilename]), profile.text(fields[kBuildId]),
                        fields[kMemoryStart], fields[kMemoryLimit], fields[kFileOffset]);
    }
    for (const auto& location : profile.locations) {
      auto fields = numbers(location);
      rows.emplace_back("", "", fields[kAddress], fields[kLocationMapping], 0);
    }
    return rows;
  };
  CHECK(table_of(again) == table_of(bytes));
  const auto first = table_of(again).front();
  CHECK(first == std::tuple("/bin/server", "dead", 0x400000u, 0x500000u, 0x1000u));
  CHECK(table_of(again).size() == 5);
  CHECK(profile_of(again).time_nanos == 1'700'000'000'123'456'789);
  CHECK(profile_of(again).duration_nanos == 2'000'000'000);
}

TEST_CASE("time, duration, period, losses and notes are kept") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto kind = machine.kind("cpu-clock", machine::ValueType::kDuration, "cpu");
  machine.kind(kind).is_sampled = true;
  machine.kind(kind).period = 1'000'000;
  maker.add("page-faults", 1, 1, 1, 1, "a", 0);
  maker.add("page-faults", 1, 1, 1, 1, "a", 0);
  maker.add("cpu-clock", 1, 1, 1, 1, "a", 0);
  machine.facts.start_ns = 1000;
  machine.facts.wall_offset = 1'700'000'000'000'000'000;
  machine.facts.end = 2'000'000'000;
  machine.facts.host["kernel"] = "6.1";
  machine.facts.losses.push_back({2, machine.texts.intern("cpu-clock"), 17});
  const std::string bytes = test::exported(machine, "pprof");
  const Profile profile = profile_of(bytes);
  CHECK(profile.time_nanos == 1'700'000'000'000'001'000);
  CHECK(profile.duration_nanos == 2'000'000'000);
  CHECK(profile.period == 1'000'000);
  CHECK(profile.period_type.type == "cpu-clock");
  CHECK(profile.comments ==
        std::vector<std::string_view>{"kernel: 6.1", "lost: 17 records of cpu-clock on cpu 2"});
  machine::Filter filter;
  filter.from = 500;
  filter.until = 1500;
  const std::string part = test::exported(machine, "pprof", {filter, "", true, true});
  CHECK(profile_of(part).time_nanos == 1'700'000'000'000'001'500);
  CHECK(profile_of(part).duration_nanos == 1000);
  const auto again = read_back(bytes);
  CHECK(again->facts.host.at("kernel") == "6.1");
  REQUIRE(again->facts.losses.size() == 1);
  CHECK(again->facts.losses[0].records == 17);
  CHECK(again->facts.losses[0].cpu == 2);
  CHECK(again->text(again->facts.losses[0].event) == "cpu-clock");
}

TEST_CASE("attributes are labels, and names that are ours are told apart") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto name = [&](const char* text) { return machine.texts.intern(text); };
  const std::array<machine::Attribute, 5> attributes{
      machine::Attribute{name("url"), name("/a;b"), 0, true},
      {name("size"), {}, 0, false},
      {name("share"), {}, 0.25, false},
      {name("pid"), name("mine"), 0, true},
      {name("pprof::x"), name("y"), 0, true}};
  machine::Sample sample;
  sample.kind = machine.kind("request");
  sample.value = 1;
  sample.attributes = machine.attributes.intern(attributes);
  machine.add(sample);
  const auto again = read_back(test::exported(machine, "pprof"));
  REQUIRE(again->samples.size() == 1);
  const auto set = again->samples[0].attributes;
  const auto text_of = [&](const char* key) {
    const auto found = again->attributes.find(set, again->texts.intern(key));
    return found ? std::string(again->text(found->text)) : "none";
  };
  CHECK(text_of("url") == "/a;b");
  CHECK(text_of("share") == "0.25");
  CHECK(text_of("pid") == "mine");
  CHECK(text_of("pprof::x") == "y");
  const auto size = again->attributes.find(set, again->texts.intern("size"));
  REQUIRE(size);
  CHECK((!size->is_text && size->number == 0));
  CHECK(!again->samples[0].context);
}

TEST_CASE("values that a profile cannot hold are the nearest that it can") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  maker.add("a", 0, 1e30, 1, 1, "x", 0);
  maker.add("b", 0, -3.6, 1, 1, "x", 0);
  maker.add("c", 0, std::nan(""), 1, 1, "x", 0);
  const auto again = read_back(test::exported(machine, "pprof"));
  std::map<std::string, double> sums;
  for (uint64_t i = 0; i < again->samples.size(); ++i) {
    const auto sample = again->samples[i];
    sums[std::string(again->text(again->kind(sample.kind).name))] += sample.value;
  }
  // Of which kind a sample of the value 0 is, no profile tells.
  CHECK(sums ==
        std::map<std::string, double>{{"samples", 1}, {"a", 9223372036854774784.0}, {"b", -4}});
}

TEST_CASE("names of any bytes are written as clean text") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const std::string huge(64 << 10, 'n');
  machine::OwnFrame frames[3];
  frames[0].function = std::string_view("a\0;<b>\n", 7);
  frames[1].function = "caf\xc3\xa9 \xff";
  frames[2].function = huge;
  std::vector<uint32_t> ids;
  for (auto& frame : frames) ids.push_back(machine.places.add({&frame, 1}));
  maker.add("x", 0, 1, 1, 1, "c\xffm", machine.add_stack(ids));
  const std::string bytes = test::exported(machine, "pprof");  // the profile lends from it
  const Profile profile = profile_of(bytes);
  CHECK(profile.functions.at(1).name == "a\xef\xbf\xbd;<b> ");
  CHECK(profile.functions.at(2).name == "caf\xc3\xa9 \xef\xbf\xbd");
  CHECK(profile.functions.at(3).name == huge);
}

TEST_CASE("random machines are read back with the same sums, and written again as the same") {
  std::mt19937 random(7);
  for (int turn = test::repeats(20); turn > 0; --turn) {
    machine::Machine machine;
    test::SampleMaker maker(machine);
    machine.kind("cpu-clock", machine::ValueType::kDuration, "cpu");
    machine.kind("alloc", machine::ValueType::kBytes);
    const char* const names[] = {"main", "f@/lib/x.so", "g@/lib/x.so@g.c:3", "[k]sys",
                                 "@/lib/y.so"};
    for (uint32_t n = random() % 300; n > 0; --n) {
      const char* a = names[random() % 5];
      const char* b = names[random() % 5];
      const auto stack = random() % 8 == 0 ? 0 : maker.stack({names[random() % 3], b, a});
      const char* const kinds[] = {"cpu-clock", "alloc", "sched:sched_switch"};
      const auto pid = static_cast<int32_t>(random() % 3);
      maker.add(kinds[random() % 3], n, 1 + random() % 1000, pid,
                pid * 10 + static_cast<int32_t>(random() % 3), random() % 2 ? "worker" : "main",
                stack, static_cast<uint16_t>(random() % 4));
    }
    const std::string bytes = test::exported(machine, "pprof");
    const auto again = read_back(bytes);
    CHECK(table(*again) == table(machine));
    uint64_t count = 0;
    for (uint64_t i = 0; i < again->samples.size(); ++i) count += again->samples[i].weight;
    CHECK(count == machine.samples.size());
    const auto third = read_back(test::exported(*again, "pprof"));
    CHECK(table(*third) == table(*again));
    CHECK(test::exported(machine, "pprof") == bytes);
  }
}
