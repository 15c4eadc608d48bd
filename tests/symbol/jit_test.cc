#include <catch2/catch.hpp>

#include <fstream>

#include "base/byte_sink.h"
#include "symbol/fixture_files.h"
#include "symbol/jit_dump.h"
#include "symbol/perf_map.h"
#include "symbol/symbolizer.h"

using oc::base::ByteSink;
using oc::symbol::JitDump;
using oc::symbol::PerfMap;

namespace {

/// Writes a jitdump as its specification says.
class DumpWriter {
 public:
  DumpWriter() {
    for (const uint32_t word : {0x4a695444u, 1u, 40u, 62u, 0u, 7u}) sink_.put(word);
    sink_.put(uint64_t{1});
    sink_.put(uint64_t{0});
  }
  void load(uint64_t time, uint64_t start, uint64_t size, uint64_t index, std::string_view name) {
    ByteSink body;
    for (const uint64_t word : {uint64_t{7}, start, start, size, index}) body.put(word);
    body.put_text(name);
    body.put_zeros(1 + size);
    add(0, time, body);
  }
  void move(uint64_t time, uint64_t from, uint64_t to, uint64_t size, uint64_t index) {
    ByteSink body;
    for (const uint64_t word : {uint64_t{7}, to, from, to, size, index}) body.put(word);
    add(1, time, body);
  }
  /// Line 3 of a.js at the start, line 9 sixteen bytes on.
  void lines(uint64_t start) {
    ByteSink body;
    for (const uint64_t word : {start, uint64_t{2}, start, uint64_t{3}}) body.put(word);
    body.put_text(std::string_view("a.js\0", 5));
    for (const uint64_t word : {start + 0x10, uint64_t{9}}) body.put(word);
    body.put_text(std::string_view("\xff\0", 2));
    add(2, 0, body);
  }
  std::vector<uint8_t> take() { return sink_.take(); }
  std::span<const uint8_t> bytes() const { return sink_.bytes(); }

 private:
  void add(uint32_t id, uint64_t time, const ByteSink& body) {
    sink_.put(id);
    sink_.put(static_cast<uint32_t>(16 + body.size()));
    sink_.put(time);
    sink_.put_bytes(body.bytes());
  }
  ByteSink sink_;
};

std::string_view name_at(const JitDump& dump, uint64_t address, uint64_t time = ~0ull) {
  const auto* entry = dump.find(address, time);
  return entry == nullptr ? "" : entry->name;
}

}  // namespace

TEST_CASE("a perf map's latest entry wins where entries overlap, and bad lines are counted") {
  const PerfMap map(
      "1000 100 first\n"
      "0x1080 0x40 LazyCompile:~main /a b.js:1\n"
      "bad line\n2000 0 empty\n"
      "10f0 20 late\r\n"
      "ffffffffffffff00 1ff beyond\n");
  CHECK(map.size() == 3);
  CHECK(map.skipped() == 3);
  REQUIRE(map.find(0x1000) != nullptr);
  CHECK(map.find(0x107f)->name == "first");
  CHECK(map.find(0x1080)->name == "LazyCompile:~main /a b.js:1");
  CHECK(map.find(0x10c0)->name == "first");
  CHECK(map.find(0x10ff)->name == "late");
  CHECK(map.find(0x1110) == nullptr);
  CHECK(map.find(0xfff) == nullptr);
}

TEST_CASE("a jitdump tells what was at an address at a time") {
  DumpWriter writer;
  writer.load(1000, 0x1000, 64, 1, "first");
  writer.load(1000, 0x1100, 64, 2, "second");
  writer.load(2000, 0x1000, 512, 3, "third");  // over both
  writer.load(2500, 0x9000, 64, 4, "moving");
  writer.move(3000, 0x9000, 0x1010, 64, 4);  // over the third
  const auto dump = JitDump::make(writer.take(), "test");
  REQUIRE(dump);
  CHECK(dump->damage().empty());
  CHECK(name_at(*dump, 0x1000, 999).empty());
  CHECK(name_at(*dump, 0x1000, 1000) == "first");
  CHECK(name_at(*dump, 0x1120, 1999) == "second");
  CHECK(name_at(*dump, 0x1120, 2000) == "third");
  CHECK(name_at(*dump, 0x9010, 2999) == "moving");
  CHECK(name_at(*dump, 0x9010, 3000).empty());
  CHECK(name_at(*dump, 0x1011, 3000) == "moving");
  CHECK(name_at(*dump, 0x1011) == "moving");
  CHECK(name_at(*dump, 0x104f) == "moving");
  CHECK(name_at(*dump, 0x1050).empty());  // what was there was overwritten in part: nobody runs it
}

TEST_CASE("code whose addresses had several names is told, and that the same was put there again") {
  DumpWriter writer;
  writer.load(1000, 0x1000, 64, 1, "first");
  writer.load(1000, 0x5000, 64, 2, "alone");
  writer.load(2000, 0x1020, 64, 3, "second");
  writer.load(3000, 0x1000, 64, 4, "first");
  writer.load(4000, 0x1000, 32, 5, "first");  // of another size
  writer.lines(0x1000);
  writer.load(5000, 0x1000, 64, 6, "first");  // with lines
  const auto dump = JitDump::make(writer.take(), "test");
  REQUIRE(dump);
  std::vector<std::pair<uint32_t, uint32_t>> found;
  for (const auto& reused : dump->find_reused()) found.emplace_back(reused.entry, reused.first);
  CHECK(found ==
        std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {2, 2}, {3, 0}, {4, 4}, {5, 5}});
  REQUIRE(dump->find_first(0x1025) != nullptr);
  CHECK(dump->find_first(0x1025)->name == "first");
  CHECK(dump->find_first(0x1050)->name == "second");
  CHECK(dump->find_first(0x900) == nullptr);
}

TEST_CASE("lines of compiled code come before its load, and move with it") {
  DumpWriter writer;
  writer.lines(0x1000);
  writer.load(1000, 0x1000, 64, 1, "f");
  writer.move(2000, 0x1000, 0x5000, 64, 1);
  const auto dump = JitDump::make(writer.take(), "test");
  REQUIRE(dump);
  const auto* entry = dump->find(0x5014);
  REQUIRE(entry != nullptr);
  CHECK(dump->find_line(*entry, 0x5004).line == 3);
  CHECK(dump->find_line(*entry, 0x5014).line == 9);
  CHECK(dump->find_line(*entry, 0x5014).file == "a.js");
}

TEST_CASE("a jitdump that is cut off is read as far as it goes") {
  DumpWriter writer;
  writer.load(1000, 0x1000, 64, 1, "first");
  const size_t whole = writer.bytes().size();
  writer.load(1000, 0x2000, 64, 2, "second");
  const auto bytes = writer.take();
  for (size_t size = whole + 1; size < bytes.size(); ++size) {
    const auto dump =
        JitDump::make({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)}, "cut");
    REQUIRE(dump);
    CHECK(name_at(*dump, 0x1000) == "first");
    CHECK(name_at(*dump, 0x2000).empty());
    CHECK_FALSE(dump->damage().empty());
  }
  CHECK(JitDump::make({}, "empty").error().what == "empty is no jitdump");
  auto other = bytes;
  std::swap(other[0], other[3]);
  std::swap(other[1], other[2]);
  CHECK(JitDump::make(other, "x").error().what == "x is a jitdump of the other byte order");
}

TEST_CASE("names of a dump stay when it becomes shorter, and there are more when it has grown") {
  using oc::process::Module;
  oc::test::TemporaryFolder folder;
  oc::base::Interner strings;
  oc::process::ModuleTable modules(strings);
  oc::process::FrameTable frames;
  oc::symbol::Places places;
  places.root = folder / "";
  places.is_this_machine = false;
  places.archives.clear();
  Module module;
  module.pid = 7;
  module.kind = oc::process::ModuleKind::kFile;
  module.path = strings.intern("/jit-7.dump");
  modules.intern(module);
  oc::symbol::ModuleFiles files(modules, places);
  oc::symbol::Settings settings;
  settings.tells_code = true;
  oc::symbol::Symbolizer names(frames, files, settings);
  const auto write = [&](uint64_t loads) {
    DumpWriter dump;
    for (uint64_t i = 0; i < loads; ++i) dump.load(i, 0x1000, 64, i, "f" + std::to_string(i));
    std::ofstream file(folder / "jit-7.dump", std::ios::binary);
    const auto bytes = dump.bytes();
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
  };
  const auto name = [&](uint32_t code, uint64_t offset) {
    module.kind = oc::process::ModuleKind::kMemory;
    module.path = strings.intern("//anon");
    module.code = code;
    const auto frame = frames.intern({offset, modules.intern(module), false});
    return names.text(names.find(frame).function);
  };
  write(4);
  CHECK(name(2, 0x1000) == "f1");
  write(1);
  CHECK(name(9, 0x1000) == "f3");  // not there yet: what is there last
  CHECK(name(3, 0x1000) == "f2");  // still known
  write(9);
  CHECK(name(9, 0x1004) == "f8");
  CHECK(name(0, 0x1000) == "f0");
  CHECK(name(Module::kUntold, 0x1000) == "f8");
  std::filesystem::remove(folder / "jit-7.dump");
  CHECK(name(10, 0x1000) == "f8");
  CHECK(name(4, 0x1000) == "f3");
}
