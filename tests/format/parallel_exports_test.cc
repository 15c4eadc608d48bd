#include "format/parallel_exports.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "format/exported_world.h"
#include "support/traced_machine.h"

using namespace oc;
using format::ParallelExports;

namespace {

std::vector<const format::Exporter*> those_that_only_read() {
  std::vector<const format::Exporter*> found;
  for (const format::Exporter& exporter : format::exporters()) {
    if (exporter.only_reads) found.push_back(&exporter);
  }
  return found;
}

/// An exporter of a test's own.
format::Exporter exporter_of(base::Status (*write)(const format::Export&, format::Output&)) {
  format::Exporter exporter{};
  exporter.write = write;
  exporter.only_reads = true;
  return exporter;
}

struct World {
  explicit World(std::string_view name) {
    REQUIRE(test::fill(machine, name));
    auto made = machine::Selection::make(machine, {});
    REQUIRE(made);
    selection.emplace(std::move(*made));
  }
  format::Export what() { return {machine, *selection, "", true, true, {}}; }
  machine::Machine machine;
  std::optional<machine::Selection> selection;
};

/// Samples in functions of files, with lines and inlined calls, and of the kernel.
std::unique_ptr<test::TracedMachine> make_traced() {
  auto trace = std::make_unique<test::TracedMachine>();
  const auto program = trace->file("/usr/bin/prog", {1, 2, 3});
  const auto kernel = trace->module(process::ModuleKind::kKernel, "[kernel.kallsyms]");
  std::vector<uint32_t> frames;
  for (uint32_t i = 0; i < 300; ++i) {
    const std::string name = "function_" + std::to_string(i);
    frames.push_back(trace->frame(program, 0x1000 + 16 * i, i % 2 != 0,
                                  {{"inlined", "a.h", i}, {name, "a.cc", i + 1}}));
    frames.push_back(trace->frame_at(kernel, 0xffffffff81000000 + 16 * i, "sys_" + name, i));
  }
  trace->map(10, program, 0x400000, 0x500000, 0);
  for (uint32_t i = 0; i + 4 < frames.size(); ++i)
    trace->add_sample(10 + i, 10, {frames[i], frames[i + 4], frames[i + 2]});
  return trace;
}

}  // namespace

TEST_CASE("files that are made at the same time are those that are made alone") {
  const auto exporters = those_that_only_read();
  REQUIRE(exporters.size() >= 3);
  for (const char* name : {"empty", "one", "web", "hostile", "many", "random:7"}) {
    CAPTURE(name);
    std::vector<std::string> alone;
    for (const auto* exporter : exporters) alone.push_back(test::exported(name, exporter->name));
    for (const uint32_t threads : {1u, 2u, 8u}) {
      World world(name);
      std::vector<std::string> bytes(exporters.size());
      ParallelExports exports(world.what());
      for (size_t i = 0; i < exporters.size(); ++i)
        exports.add(*exporters[i], format::Output::into(bytes[i]));
      exports.start(threads);
      for (size_t i = 0; i < exporters.size(); ++i) {
        const auto size = exports.finish(i);
        REQUIRE(size);
        CHECK(*size == bytes[i].size());
        CHECK((bytes[i] == alone[i]));
      }
    }
  }
}

TEST_CASE("frames of a trace are named before threads read them") {
  const auto exporters = those_that_only_read();
  const auto trace = make_traced();
  const auto again = make_traced();  // whose names nobody has asked for yet
  auto selection = machine::Selection::make(again->machine, {});
  REQUIRE(selection);
  std::vector<std::string> bytes(2 * exporters.size());
  ParallelExports exports({again->machine, *selection, "", true, true, {}});
  for (size_t i = 0; i < bytes.size(); ++i)
    exports.add(*exporters[i / 2], format::Output::into(bytes[i]));
  exports.start(8);
  for (size_t i = 0; i < bytes.size(); ++i) {
    REQUIRE(exports.finish(i));
    CHECK((bytes[i] == test::exported(trace->machine, exporters[i / 2]->name)));
  }
  CHECK(test::has(bytes.front(), "function_17"));
}

TEST_CASE(
    "where the first file could not be begun nothing is named, and the others can be written") {
  const auto trace = make_traced();
  auto selection = machine::Selection::make(trace->machine, {});
  REQUIRE(selection);
  std::string bytes;
  const format::Exporter& collapsed = *format::find_exporter("collapsed");
  ParallelExports exports({trace->machine, *selection, "", true, true, {}});
  exports.add(base::make_error(base::Code::kUsage, "it is there already"));
  exports.add(collapsed, format::Output::into(bytes));
  const uint32_t named = trace->machine.places.functions();
  exports.start(2);
  CHECK(exports.finish(0).error().what == "it is there already");
  CHECK(trace->machine.places.functions() == named);
  REQUIRE(exports.finish(1));
  CHECK(trace->machine.places.functions() > named);
  CHECK(bytes == test::exported(make_traced()->machine, "collapsed"));
}

TEST_CASE("what fails is told where it is asked for, and the others are written") {
  const auto fails = exporter_of([](const format::Export&, format::Output& out) -> base::Status {
    out.write("half");
    return base::make_error(base::Code::kSystem, "it failed");
  });
  const auto throws = exporter_of([](const format::Export&, format::Output&) -> base::Status {
    throw std::runtime_error("it threw");
  });
  const auto works = exporter_of([](const format::Export&, format::Output& out) -> base::Status {
    out.write("all");
    return {};
  });
  World world("one");
  std::array<std::string, 4> bytes;
  ParallelExports exports(world.what());
  exports.add(fails, format::Output::into(bytes[0]));
  exports.add(base::make_error(base::Code::kUsage, "it is there already"));
  exports.add(throws, format::Output::into(bytes[2]));
  exports.add(works, format::Output::into(bytes[3], format::Compression::kGzip));
  exports.start();
  CHECK(exports.finish(0).error().what == "it failed");
  CHECK(exports.finish(1).error().what == "it is there already");
  CHECK(exports.finish(2).error().what == "it threw");
  const auto size = exports.finish(3);
  REQUIRE(size);
  CHECK(*size == 3);
  CHECK(bytes[3].substr(0, 2) == "\x1f\x8b");
}

TEST_CASE("files that nobody waits for are given up, and those that the user stops fail") {
  static std::atomic<int> begun;
  begun = 0;
  const auto endless = exporter_of([](const format::Export& what, format::Output&) -> base::Status {
    ++begun;
    while (what.progress(0)) {
    }
    return base::make_error(base::Code::kUsage, "the export was given up");
  });
  World world("one");
  std::array<std::string, 2> bytes;
  {
    ParallelExports exports(world.what());
    for (std::string& text : bytes) exports.add(endless, format::Output::into(text));
    exports.start(2);
    while (begun == 0) {
    }
  }
  CHECK(bytes[0].empty());
  CHECK(bytes[1].empty());
  auto what = world.what();
  std::atomic<int> asked{0};
  what.progress = [&](double) { return ++asked < 100; };
  ParallelExports exports(what);
  for (std::string& text : bytes) exports.add(endless, format::Output::into(text));
  exports.start(2);
  for (size_t i = 0; i < bytes.size(); ++i)
    CHECK(exports.finish(i).error().what == "the export was given up");
}
