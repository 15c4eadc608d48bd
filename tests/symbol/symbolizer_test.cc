#include "symbol/symbolizer.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <latch>
#include <stdexcept>
#include <thread>

#include "symbol/fixture_files.h"
#include "symbol/jobs.h"
#include "symbol/kernel_symbols.h"

using namespace oc;
using process::Frame;
using process::Module;
using process::ModuleKind;
using symbol::NameSource;
using symbol::Symbolizer;

namespace {

/// Frames of a trace, and their names.
struct NamedTrace {
  test::TemporaryFolder folder;
  base::Interner strings;
  process::ModuleTable modules{strings};
  process::FrameTable frames;
  symbol::Places places;
  std::unique_ptr<symbol::ModuleFiles> files;
  std::unique_ptr<Symbolizer> names;

  void begin(bool lines = true, uint32_t threads = 0) {
    places.debug_folders = {folder / "debug"};
    files = std::make_unique<symbol::ModuleFiles>(modules, places);
    symbol::Settings settings;
    settings.lines = lines;
    settings.threads = threads;
    settings.use_cache = false;
    names = std::make_unique<Symbolizer>(frames, *files, settings);
  }
  process::ModuleId add(ModuleKind kind, const std::string& path, int32_t pid = 0) {
    Module module;
    module.kind = kind;
    module.path = strings.intern(path);
    module.pid = pid;
    return modules.intern(module);
  }
  process::FrameId frame(process::ModuleId module, uint64_t offset, bool is_return = false) {
    return frames.intern({offset, module, is_return});
  }
  std::string text(base::StringId id) const { return std::string(names->text(id)); }
};

/// Whether a thread of this process waits for something.
bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t name = line.rfind(") ");
  return name != std::string::npos && line[name + 2] == 'S';
}

}  // namespace

TEST_CASE("a frame in a file has its function, its line, and the calls that were inlined there") {
  for (const char* name : {"dwarf/gcc5.so", "dwarf/gcc4.so", "dwarf/zlib.so"}) {
    NamedTrace trace;
    trace.begin();
    const auto module = trace.add(ModuleKind::kFile, test::fixture(name));
    const auto& entry = trace.names->find(trace.frame(module, 0x2e4));
    CHECK(trace.text(entry.function) == "entry");
    CHECK(entry.offset == 4);
    CHECK(entry.source == NameSource::kSymtab);
    REQUIRE(entry.calls == 1);
    CHECK(trace.text(trace.names->calls(entry)[0].file) == "/src/tiny.cc");
    CHECK(trace.names->calls(entry)[0].line == 7);
    size_t inlined = 0;
    for (uint64_t offset = 0x2b0; offset < 0x2d9; ++offset) {
      const auto& resolved = trace.names->find(trace.frame(module, offset));
      CHECK(trace.text(resolved.function) == "tiny::work");
      CHECK(trace.text(resolved.full_name) == "tiny::work(int)");
      const auto calls = trace.names->calls(resolved);
      REQUIRE_FALSE(calls.empty());
      CHECK(trace.text(calls.back().full_name) == "tiny::work(int)");
      if (calls.size() == 3) {
        ++inlined;
        CHECK(trace.text(calls[0].full_name) == "tiny::Point::sum() const");
        CHECK(trace.text(calls[1].function) == "twice");  // a static function has no linkage name
        CHECK(calls[1].line == 4);
        CHECK(calls[2].line == 5);
      }
    }
    CHECK(inlined > 0);
  }
}

TEST_CASE("a return address is looked up one byte before, and its offset is its own") {
  NamedTrace trace;
  trace.begin();
  const auto module = trace.add(ModuleKind::kFile, test::fixture("dwarf/gcc5.so"));
  const auto& exact = trace.names->find(trace.frame(module, 0x2e0, false));
  CHECK(trace.text(exact.function) == "entry");
  CHECK(exact.offset == 0);
  const auto& work = trace.names->find(trace.frame(module, 0x2b5, true));
  CHECK(trace.text(work.function) == "tiny::work");
  CHECK(work.offset == 5);
  const auto& before = trace.names->find(trace.frame(module, 0x2b0, true));
  CHECK(trace.text(before.function) == "tiny::work@plt");
  CHECK(before.offset == 0x10);
}

TEST_CASE("entries of the PLT have the names of what they jump to") {
  NamedTrace trace;
  trace.begin(false);
  const auto module = trace.add(ModuleKind::kFile, test::fixture("dwarf/gcc5.so"));
  const auto& resolved = trace.names->find(trace.frame(module, 0x2a3));
  CHECK(trace.text(resolved.function) == "tiny::work@plt");
  CHECK(resolved.source == NameSource::kPlt);
}

TEST_CASE("what was resolved once stays, and a batch is as one by one") {
  NamedTrace trace;
  trace.begin();
  std::vector<process::FrameId> ids{{}};
  std::vector<std::string> expected;
  for (const char* name :
       {"dwarf/gcc5.so", "dwarf/clang4.so", "dwarf/clang5.so", "elf_symbols/mini.so"}) {
    const auto module = trace.add(ModuleKind::kFile, test::fixture(name));
    for (uint64_t offset = 0x3ff; offset >= 0x2a0; offset -= 3)
      ids.push_back(trace.frame(module, offset));
  }
  trace.names->resolve(ids);
  NamedTrace other;
  other.begin();
  for (const auto id : ids) {
    const Frame frame = trace.frames.find(id);
    if (!id) continue;
    const auto module = other.add(ModuleKind::kFile, std::string(trace.modules.path(frame.module)));
    const auto& single = other.names->find(other.frame(module, frame.offset));
    const auto& batch = trace.names->find(id);
    CHECK(trace.text(batch.full_name) == other.text(single.full_name));
    CHECK(batch.offset == single.offset);
    REQUIRE(batch.calls == single.calls);
    for (size_t i = 0; i < batch.calls; ++i) {
      CHECK(trace.names->calls(batch)[i].line == other.names->calls(single)[i].line);
    }
  }
  const auto* before = &trace.names->find(ids[1]);
  trace.names->resolve(ids);
  CHECK(before == &trace.names->find(ids[1]));
}

TEST_CASE("two threads tell what one tells") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  auto file = elf::File::open(self);
  REQUIRE(file);
  const auto* text = file->find_section(".text");
  REQUIRE(text != nullptr);
  NamedTrace one, two;
  one.begin(true, 1);
  two.begin(true, 2);
  std::vector<process::FrameId> ids;
  for (NamedTrace* const trace : {&one, &two}) {
    const auto module = trace->add(ModuleKind::kFile, self);
    ids.clear();
    for (uint64_t at = 0; at < text->size_bytes && ids.size() < 3000; at += 331)
      ids.push_back(trace->frame(module, text->offset + at));
    trace->names->resolve(ids);
  }
  REQUIRE(ids.size() > 512);
  size_t with_lines = 0;
  for (const auto id : ids) {
    const auto& a = one.names->find(id);
    const auto& b = two.names->find(id);
    REQUIRE(one.text(a.full_name) == two.text(b.full_name));
    REQUIRE(a.offset == b.offset);
    REQUIRE(a.calls == b.calls);
    for (size_t i = 0; i < a.calls; ++i) {
      const auto &left = one.names->calls(a)[i], &right = two.names->calls(b)[i];
      REQUIRE(one.text(left.full_name) == two.text(right.full_name));
      REQUIRE(one.text(left.file) == two.text(right.file));
      REQUIRE(left.line == right.line);
    }
    with_lines += a.calls != 0 ? 1 : 0;
  }
  CHECK(with_lines > ids.size() / 4);
}

TEST_CASE("several files whose lines are decompressed on threads tell what one thread tells") {
  const bool is_expected = GENERATE(false, true);
  NamedTrace one, two;
  one.begin(true, 1);
  two.begin(true, 2);
  std::vector<process::FrameId> ids;
  for (NamedTrace* const trace : {&one, &two}) {
    ids.clear();
    std::vector<process::ModuleId> modules;
    for (const char* name : {"dwarf/zlib.so", "dwarf/gcc5.so", "dwarf/gcc4.so"}) {
      modules.push_back(trace->add(ModuleKind::kFile, test::fixture(name)));
      for (uint64_t at = 0x2b0; at < 0x310; at += 4)
        ids.push_back(trace->frame(modules.back(), at));
    }
    modules.pop_back();  // one comes later
    if (is_expected) trace->names->expect(modules, false);
    trace->names->resolve(ids);
  }
  size_t with_lines = 0;
  for (const auto id : ids) {
    const auto& a = one.names->find(id);
    const auto& b = two.names->find(id);
    REQUIRE(one.text(a.full_name) == two.text(b.full_name));
    REQUIRE(a.calls == b.calls);
    for (size_t i = 0; i < a.calls; ++i) {
      REQUIRE(one.names->calls(a)[i].line == two.names->calls(b)[i].line);
    }
    with_lines += a.calls != 0 ? 1 : 0;
  }
  CHECK(with_lines > ids.size() / 2);
}

TEST_CASE("what is expected need not be asked for, and has a reason where it is not there") {
  NamedTrace trace;
  trace.begin(true, 2);
  const std::array modules{trace.add(ModuleKind::kFile, test::fixture("dwarf/zlib.so")),
                           trace.add(ModuleKind::kFile, "/no such file"),
                           trace.add(ModuleKind::kKernel, "[kernel.kallsyms]_text")};
  trace.names->expect(modules, true);
  CHECK(trace.names->reason(modules[1]).find("No such file") != std::string::npos);
  CHECK(trace.names->reason(modules[0]).empty());
  NamedTrace dropped;
  dropped.begin(true, 2);
  const auto module = dropped.add(ModuleKind::kFile, test::fixture("dwarf/zlib.so"));
  dropped.names->expect({&module, 1}, false);
}

TEST_CASE("early jobs are each done once, also where one throws") {
  std::array<std::atomic<int>, 50> done{};
  std::vector<std::function<void()>> jobs;
  for (auto& count : done) {
    jobs.emplace_back([&count] {
      if (++count == 1) throw std::runtime_error("it threw");
    });
  }
  symbol::EarlyJobs(jobs).finish();
  for (const auto& count : done) CHECK(count == 1);
}

TEST_CASE(
    "early jobs that nobody waits for: the one that was begun is waited for, no other begins") {
  std::latch begun(1), may_end(1);
  std::atomic<int> ended{0}, others{0};
  std::vector<std::function<void()>> jobs(20, [&] { ++others; });
  jobs[0] = [&] {
    begun.count_down();
    may_end.wait();
    ++ended;
  };
  auto left = std::make_unique<symbol::EarlyJobs>(std::move(jobs));
  begun.wait();
  std::atomic<pid_t> ender{0};
  std::thread thread([&] {
    ender = gettid();
    left.reset();
  });
  while (ender == 0 || !sleeps(ender)) std::this_thread::yield();  // it waits for the job
  may_end.count_down();
  thread.join();
  CHECK(ended == 1);
  CHECK(others == 0);
}

TEST_CASE("given names win, and frames of nothing have a reason") {
  NamedTrace trace;
  trace.begin();
  const auto module = trace.add(ModuleKind::kFile, test::fixture("dwarf/gcc5.so"));
  const std::vector<symbol::GivenSymbol> given{{0x2b0, 0x10, "mine"}, {0x2d0, 4, "_ZN4mine3twoEv"}};
  trace.names->add_symbols(module, given);
  const auto& mine = trace.names->find(trace.frame(module, 0x2b8));
  CHECK(trace.text(mine.function) == "mine");
  CHECK(mine.source == NameSource::kGiven);
  CHECK(mine.offset == 8);
  CHECK(trace.text(trace.names->find(trace.frame(module, 0x2d1)).function) == "mine::two");
  CHECK(trace.text(trace.names->find(trace.frame(module, 0x2c8)).function) == "tiny::work");
  const auto nothing = trace.add(ModuleKind::kNone, "");
  CHECK_FALSE(trace.names->find(trace.frame(nothing, 0x1000)).function);
  CHECK(trace.names->reason(nothing) == "nothing was mapped there");
  CHECK(trace.names->module_name(nothing) == "[unknown]");
  const auto gone = trace.add(ModuleKind::kFile, "/no such file");
  CHECK_FALSE(trace.names->find(trace.frame(gone, 0x1000)).function);
  CHECK(trace.names->reason(gone).find("No such file") != std::string::npos);
  CHECK(trace.names->reason(module).empty());
  CHECK_FALSE(trace.names->find({}).function);
}

TEST_CASE("compiled code has names from perf's map of its process") {
  NamedTrace trace;
  trace.places.archives = {trace.folder.path()};
  trace.places.is_this_machine = false;
  trace.folder.write("perf-4711.map", "7f0000001000 80 js_function\n");
  trace.begin();
  const auto memory = trace.add(ModuleKind::kMemory, "//anon", 4711);
  const auto& found = trace.names->find(trace.frame(memory, 0x7f0000001010));
  CHECK(trace.text(found.function) == "js_function");
  CHECK(found.source == NameSource::kPerfMap);
  CHECK(found.offset == 0x10);
  const auto other = trace.add(ModuleKind::kMemory, "//anon", 4712);
  CHECK_FALSE(trace.names->find(trace.frame(other, 0x7f0000001010)).function);
  CHECK(trace.names->reason(other).find("/tmp/perf-4712.map") != std::string::npos);
}

TEST_CASE("code that the kernel made is named by its record, whatever the address") {
  NamedTrace trace;
  trace.places.is_this_machine = false;
  trace.places.proc = trace.folder / "proc";
  trace.begin();
  constexpr uint64_t kAt = 0xffffffffc0300000;
  for (const char* name : {"bpf_prog_1_first", "bpf_prog_2_second", "ftrace_trampoline"}) {
    const auto& found = trace.names->find(trace.frame(trace.add(ModuleKind::kBpf, name), kAt + 4));
    CHECK(trace.text(found.function) == name);
    CHECK(found.source == NameSource::kBpf);
  }
}
