// one thing: bytes of other tools, whole and damaged, and the machines that they become; all cases share the maker of profiles.

#include "format/import.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "format/pprof_schema.h"
#include "format/proto_writer.h"
#include "format/unpack.h"
#include "machine/graph.h"
#include "machine/query.h"
#include "support/exported.h"
#include "support/repeats.h"
#include "support/sample_maker.h"

using namespace oc;
using namespace oc::format::pprof;
using format::ProtoWriter;

namespace {

std::span<const uint8_t> span_of(std::string_view bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

format::Imported import(std::string_view bytes, uint64_t limit = 1 << 30) {
  return format::import_bytes(span_of(bytes), "f", limit);
}

std::unique_ptr<machine::Machine> opened(std::string_view bytes) {
  auto imported = import(bytes);
  INFO((imported ? "" : imported.error().what));
  REQUIRE(imported);
  return std::move(*imported);
}

std::string why(std::string_view bytes) {
  const auto imported = import(bytes);
  return imported ? "it opened" : imported.error().what;
}

std::string packed(std::string_view bytes, format::Compression compression) {
  std::string result;
  const auto out = format::Output::into(result, compression);
  out->write(bytes);
  REQUIRE(out->finish());
  return result;
}

std::string comm_of(const machine::Machine& machine, uint64_t sample) {
  const auto context = machine.samples[sample].context;
  return context ? std::string(machine.text(machine.processes.context(context).comm)) : "none";
}

/// A profile with two texts of its own, one location and whatever else.
class ProfileMaker {
 public:
  uint64_t text(std::string_view text) {
    texts_.emplace_back(text);
    return texts_.size();
  }
  void type(std::string_view name, std::string_view unit) {
    inner_.clear();
    inner_.varint(kType, text(name));
    inner_.varint(kUnit, text(unit));
    profile_.message(kSampleType, inner_);
  }
  void place(uint64_t id, std::string_view function) {
    inner_.clear();
    inner_.varint(kFunctionId, id);
    inner_.varint(kName, text(function));
    profile_.message(kFunction, inner_);
    ProtoWriter line;
    line.varint(kLineFunction, id);
    inner_.clear();
    inner_.varint(kId, id);
    inner_.message(kLine, line);
    profile_.message(kLocation, inner_);
  }
  void sample(std::vector<uint64_t> locations, std::vector<int64_t> values,
              const std::vector<ProtoWriter>& labels = {}) {
    inner_.clear();
    inner_.packed(kLocationId, locations);
    inner_.packed(kValue, values);
    for (const ProtoWriter& label : labels) inner_.message(kLabel, label);
    profile_.message(kSample, inner_);
  }
  ProtoWriter label(std::string_view key, std::string_view value) {
    ProtoWriter label;
    label.varint(kKey, text(key));
    label.varint(kStr, text(value));
    return label;
  }
  ProtoWriter label(std::string_view key, int64_t number) {
    ProtoWriter label;
    label.varint(kKey, text(key));
    label.integer(kNum, number);
    return label;
  }
  ProtoWriter& profile() { return profile_; }
  std::string bytes() const {
    ProtoWriter all;
    all.append(profile_.bytes());
    all.text(kStringTable, "");
    for (const std::string& text : texts_) all.text(kStringTable, text);
    return std::string(all.bytes());
  }

 private:
  ProtoWriter profile_, inner_;
  std::vector<std::string> texts_;
};

}  // namespace

TEST_CASE("collapsed stacks open as samples with names of threads, kernel frames and counts") {
  auto machine = opened(
      "swapper;cpu_idle_[k] 12\n\nweb;main;[libc.so.6];do_it_[i];sys_read_[k] 3.5\r\nweb 1\n");
  REQUIRE(machine->samples.size() == 3);
  CHECK(machine->facts.notes.empty());
  CHECK(machine->facts.name == "f");
  CHECK(comm_of(*machine, 1) == "web");
  CHECK(machine->samples[1].value == 3.5);
  const auto stack = machine->stack(machine->samples[1].stack);
  REQUIRE(stack.frames.size() == 4);
  CHECK(stack.kernel_frames == 1);
  CHECK(machine->stack(machine->samples[2].stack).frames.empty());
  CHECK(test::exported(*machine, "collapsed") ==
        "swapper;cpu_idle 12\nweb;main;[libc.so.6];do_it;sys_read 4\nweb 1\n");
}

TEST_CASE(
    "ids behind names of threads are taken where all have them, and long first frames are "
    "functions") {
  auto with_ids = opened("web-10/11;main 1\nkworker/0:1-7;run 2\n");
  const auto& processes = with_ids->processes;
  const auto thread = processes.thread(processes.context(with_ids->samples[0].context).thread);
  CHECK(thread.tid == 11);
  CHECK(processes.process(thread.process).pid == 10);
  CHECK(comm_of(*with_ids, 1) == "kworker/0:1");
  auto some = opened("web-10;main 1\ndb;main 2\n");
  CHECK(comm_of(*some, 0) == "web-10");
  auto python = opened("<module> (app.py:1);work (app.py:7) 1\nmain;x 2\n");
  CHECK(comm_of(*python, 0) == "none");
  CHECK(python->stack(python->samples[0].stack).frames.size() == 2);
}

TEST_CASE("text whose first letters could be fields of a profile is text") {
  for (char c = '!'; c <= '~'; ++c) {
    if (c == '-' || c == ';' || c == '#') continue;
    const std::string text = std::string(1, c) + ";b;c 1\n" + std::string(1, c) + ";b;d;e 12\n";
    INFO(text);
    CHECK(format::importable(span_of(text)) == format::Importable::kCollapsed);
  }
}

TEST_CASE("lines that are no stacks are counted and left out") {
  auto machine = opened(
      "\xef\xbb\xbf"
      "a;b 1\nno count here\na;;c 2\n;x nan\nonly\na 1\n");
  CHECK(machine->samples.size() == 3);
  REQUIRE(machine->facts.notes.size() == 1);
  CHECK(machine->facts.notes[0] ==
        "3 lines are no stacks (frame;frame COUNT) and were left out, the first is line 2");
  CHECK(test::exported(*machine, "collapsed") == "a;b 1\na;c 2\na 1\n");
}

TEST_CASE("a profile's units, labels and ids are ours, whoever wrote it") {
  ProfileMaker maker;
  maker.type("alloc_objects", "count");
  maker.type("cpu", "milliseconds");
  maker.type("alloc_space", "kilobytes");
  maker.place(77, "work");
  maker.place(1ull << 40, "main");
  maker.sample({77, 1ull << 40}, {0, 3, -2},
               {maker.label("thread id", "31"), maker.label("thread name", "pool"),
                maker.label("pid", 30), maker.label("cpu", int64_t{2}), maker.label("request", "x"),
                maker.label("size", int64_t{9})});
  auto machine = opened(maker.bytes());
  REQUIRE(machine->facts.notes.size() == 1);
  CHECK(machine->facts.notes[0] ==
        "a sample has values of several kinds: alloc_space counts where none is chosen");
  REQUIRE(machine->samples.size() == 2);
  const auto first = machine->samples[0], second = machine->samples[1];
  CHECK(machine->text(machine->kind(first.kind).name) == "cpu");
  CHECK(machine->kind(first.kind).type == machine::ValueType::kDuration);
  CHECK(machine->text(machine->kind(first.kind).group) == "cpu");
  CHECK(first.value == 3e6);
  CHECK(second.value == -2048);
  CHECK(first.cpu == 2);
  CHECK(comm_of(*machine, 0) == "pool");
  const auto thread = machine->processes.thread(machine->processes.context(first.context).thread);
  CHECK(thread.tid == 31);
  CHECK(machine->processes.process(thread.process).pid == 30);
  CHECK(machine->attributes.find(first.attributes, machine->texts.intern("size"))->number == 9);
  CHECK(test::exported(*machine, "collapsed") == "pool;main;work 1\n");
}

namespace {

uint64_t count_of(machine::Machine& machine, std::vector<std::string> kinds = {}) {
  machine::Filter filter;
  filter.kinds = std::move(kinds);
  const auto selection = machine::Selection::make(machine, filter);
  REQUIRE(selection);
  machine::Query query(*selection, {});
  query.run();
  CHECK(selection->count() == query.total_count());
  CHECK(machine::Graph::make(*selection, {}).nodes()[0].total_count == query.total_count());
  return query.total_count();
}

}  // namespace

TEST_CASE("a file that is called collapsed stacks and has none is told its first wrong line") {
  const auto why_of = [](std::string_view text, const char* name) {
    const auto imported = format::import_bytes(span_of(text), name, 1 << 30);
    return imported ? "it opened" : imported.error().what;
  };
  CHECK(why_of("a;b -5\n", "f.folded") == "f.folded:1: 'a;b -5' is no stack");
  CHECK(why_of("\na;b 1\nwhat\nis\tthis\n", "x/f.stacks.gz") ==
        "x/f.stacks.gz:3: 'what' is no stack");
  CHECK(why_of("\n\n", "f.collapsed") == "f.collapsed:1: there is no stack");
  CHECK(why_of(std::string_view("a\0b", 3), "f.folded").find("is neither") != std::string::npos);
  CHECK(why_of("a;b -5\n", "f.txt").find("is neither") != std::string::npos);
  auto machine = opened("a;b 1\na;c -5\na;b 2\n");
  CHECK(machine->samples.size() == 2);
  CHECK(machine->facts.notes[0].ends_with("the first is line 2"));
}

TEST_CASE("the type that counts samples says for how many a profile's sample stands") {
  ProfileMaker maker;
  maker.type("samples", "count");
  maker.type("cpu", "nanoseconds");
  maker.place(1, "work");
  maker.place(2, "rest");
  maker.sample({1}, {60, 600'000'000});
  maker.sample({2}, {32, 320'000'000});
  maker.sample({2}, {3, 0});  // took no time
  maker.sample({2}, {0, 5});
  auto machine = opened(maker.bytes());
  CHECK(machine->kinds().size() == 1);
  CHECK(machine->kinds()[0].counted == machine::Counted::kSamples);
  CHECK(count_of(*machine) == 96);  // what has a value is one at least
  CHECK(count_of(*machine, {"cpu"}) == 96);
  const auto selection = machine::Selection::make(*machine, {});
  machine::Query query(*selection, {*machine::parse_group_by("symbol")});
  query.run();
  CHECK(query.rows()[0].count == 60);
  CHECK(query.rows()[0].max == 1e7);
  CHECK(query.rows()[0].squares == 60 * 1e14);
  auto again = opened(test::exported(*machine, "pprof"));
  CHECK(count_of(*again) == 96);
  CHECK(test::exported(*again, "pprof") == test::exported(*machine, "pprof"));
}

TEST_CASE("each kind of a profile has its own number of samples") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  for (int i = 0; i < 7; ++i) maker.add("cpu-clock", i, 1'000'000, 1, 1, "comm", stack);
  for (int i = 0; i < 5; ++i) maker.add("sched:sched_switch", i, 1, 1, 1, "comm", stack);
  auto again = opened(test::exported(machine, "pprof"));
  CHECK(count_of(*again) == 12);
  CHECK(count_of(*again, {"cpu-clock"}) == 7);
  CHECK(count_of(*again, {"sched:sched_switch"}) == 5);
}

TEST_CASE("of several values of the same samples one counts, unless others are asked for") {
  ProfileMaker maker;
  maker.type("samples", "count");
  maker.type("cpu", "nanoseconds");
  maker.type("wall", "nanoseconds");
  maker.place(1, "work");
  maker.sample({1}, {4, 100, 300});
  maker.sample({1}, {2, 0, 0});
  auto last = opened(maker.bytes());
  CHECK(count_of(*last) == 4);  // the last type, as pprof has it
  CHECK(count_of(*last, {"cpu"}) == 4);
  CHECK(count_of(*last, {"samples"}) == 2);  // of which nobody knows more
  CHECK(test::exported(*last, "jsonl").find("\"kind\":\"wall\"") != std::string::npos);
  CHECK(test::exported(*last, "jsonl").find("\"kind\":\"cpu\"") == std::string::npos);
  maker.profile().varint(kDefaultSampleType, maker.text("cpu"));
  auto named = opened(maker.bytes());
  CHECK(named->text(named->kind(named->main_kind).name) == "cpu");
}

TEST_CASE("numbers of samples of any size and sign are read") {
  ProfileMaker maker;
  maker.type("samples", "count");
  maker.type("cpu", "nanoseconds");
  maker.place(1, "work");
  maker.sample({1}, {INT64_MIN, 5});
  CHECK(count_of(*opened(maker.bytes())) == 1ull << 63);
  ProfileMaker difference;
  difference.type("samples", "count");
  difference.place(1, "work");
  difference.sample({1}, {-3});
  auto machine = opened(difference.bytes());
  CHECK(count_of(*machine) == 3);
  CHECK(machine->samples[0].value == -3);
}

TEST_CASE("what is damaged in a profile is counted, and the rest is there") {
  ProfileMaker maker;
  maker.type("n", "count");
  maker.place(1, "work");
  maker.sample({1}, {5});
  maker.sample({1, 2}, {6});  // no such location
  maker.sample({1}, {5, 5});  // too many values
  maker.place(1, "twice");
  ProtoWriter broken;
  broken.varint(kId, 9);
  broken.append("\x22\x7f");  // a line that is longer than the location
  maker.profile().message(kLocation, broken);
  auto machine = opened(maker.bytes());
  CHECK(machine->samples.size() == 2);
  REQUIRE(machine->facts.notes.size() == 3);
  CHECK(machine->facts.notes[0].starts_with("1 samples are damaged"));
  CHECK(machine->facts.notes[1].starts_with(
      "3 references name no"));  // location 2; function and location 1 again
  CHECK(machine->facts.notes[2].starts_with("1 mappings, functions"));
}

TEST_CASE("a profile that ends in the middle is what comes before, if its names do") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  maker.add("x", 0, 1, 1, 1, "comm", maker.stack({"main"}));
  const std::string whole = test::exported(machine, "pprof");
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = import(std::string_view(whole).substr(0, size));
    if (!part) CHECK_FALSE(part.error().what.empty());
  }
  CHECK(why(whole.substr(0, whole.size() / 2)).find("before its names") != std::string::npos);
  const auto nearly = import(std::string_view(whole).substr(0, whole.size() - 1));
  REQUIRE(nearly);
  CHECK((*nearly)->facts.notes.back() == "it ends in the middle: this is what comes before");
}

TEST_CASE("files that are none of ours are told what they are") {
  CHECK(why("") == "f is empty");
  CHECK(why("heap profile: 1: 2 [3: 4] @ heap/1\n").find("old format") != std::string::npos);
  CHECK(why("goroutine profile: total 7\n1 @ 0x1 0x2\n").find("old format") != std::string::npos);
  std::string words(40, '\0');
  words[8] = 3;
  words[24] = 100;
  CHECK(why(words).find("old format") != std::string::npos);
  CHECK(import(words).error().hint.find("pprof -proto") != std::string::npos);
  CHECK(why("PERFILE2" + std::string(96, '\0')).find("perf.data") != std::string::npos);
  CHECK(why(std::string("\xff\xfe"
                        "a\0;\0",
                        6))
            .find("UTF-16") != std::string::npos);
  CHECK(why("just some words\nwithout numbers\n").find("neither a pprof profile nor") !=
        std::string::npos);
  ProtoWriter twice;
  twice.text(kStringTable, "");
  twice.varint(kTimeNanos, 5);
  CHECK(why(std::string(twice.bytes()) + std::string(twice.bytes())).find("several profiles") !=
        std::string::npos);
  CHECK_FALSE(format::import_file("/nonexistent/file"));
}

TEST_CASE(
    "packed files open, cut ones with what came before, and small ones that become huge do not") {
  using format::Compression;
  const std::string text = "web;main;work 5\nweb;main 2\n";
  for (const auto how : {Compression::kGzip, Compression::kZstd}) {
    CHECK(test::exported(*opened(packed(text, how)), "collapsed") == text);
    std::string lines;
    std::mt19937 random(3);
    while (lines.size() < 1'000'000) lines += "web;f" + std::to_string(random()) + " 1\n";
    const std::string whole = packed(lines, how);
    const auto cut = opened(std::string_view(whole).substr(0, whole.size() / 2));
    CHECK(cut->samples.size() < 60'000);
    REQUIRE(cut->facts.notes.size() == 1);
    CHECK(cut->facts.notes[0].find("ends in the middle") != std::string::npos);
    const std::string bomb = packed("a;b 1\n" + std::string(8 << 20, '\n'), how);
    const auto refused = import(bomb, 1 << 20);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == "f: it unpacks to more than 1 MiB");
    CHECK(import(bomb, 16 << 20));
  }
  const std::string members =
      packed("a;b 1\n", Compression::kGzip) + packed("a;c 2\n", Compression::kGzip);
  CHECK(test::exported(*opened(members), "collapsed") == "a;b 1\na;c 2\n");
  CHECK(why("\x1f\x8b"
            "abcdefghijk")
            .find("nothing of it can be unpacked") != std::string::npos);
}

TEST_CASE("random machines go through collapsed stacks and back") {
  std::mt19937 random(11);
  for (int turn = test::repeats(20); turn > 0; --turn) {
    machine::Machine machine;
    test::SampleMaker maker(machine);
    for (uint32_t n = 1 + random() % 200; n > 0; --n) {
      const char* const names[] = {"main", "std::f<int>(a, b)", "[k]sys", "@/lib/x.so", "g h"};
      const auto stack =
          maker.stack({names[random() % 2], names[random() % 5], names[random() % 5]});
      maker.add("x", n, 1 + random() % 9, 1, 1, random() % 2 ? "one" : "two 2", stack);
    }
    const std::string text = test::exported(machine, "collapsed");
    std::map<std::string, double> sums, again;
    const std::string second = test::exported(*opened(text), "collapsed");
    const auto add = [](const std::string& lines, std::map<std::string, double>& to) {
      for (size_t at = 0, end = 0; at < lines.size(); at = end + 1) {
        end = lines.find('\n', at);
        const std::string line = lines.substr(at, end - at);
        const size_t space = line.rfind(' ');
        to[line.substr(0, space)] += std::stod(line.substr(space));
      }
    };
    add(text, sums);
    add(second, again);
    CHECK(sums == again);
  }
}
