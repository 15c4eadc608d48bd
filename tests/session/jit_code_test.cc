#include "session/jit_code.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/byte_sink.h"
#include "session/code_records.h"
#include "support/record_writer.h"

using namespace oc;
using process::ModuleKind;
using session::JitCode;

namespace {

constexpr int32_t kPid = 77;

/// A dump in a folder of its own, which is the root of the machine that the trace is from.
struct Setup {
  Setup() {
    char name[] = "/tmp/oc-jit-code-XXXXXX";
    root = mkdtemp(name);
    places.root = root;
    places.is_this_machine = false;
    places.archives.clear();
    map("//anon");
  }
  ~Setup() { std::filesystem::remove_all(root); }

  void map(std::string_view path) {
    process::Mapping mapping;
    mapping.start = 0x10000;
    mapping.size_bytes = 0x10000;
    mapping.path = path;
    spaces.map(kPid, mapping);
  }
  void add(uint64_t time, uint64_t start, uint64_t size, std::string_view name) {
    base::ByteSink body;
    for (const uint64_t word : {uint64_t{7}, start, start, size, loads++}) body.put(word);
    body.put_text(name);
    body.put_zeros(1 + size);
    dump.put(uint32_t{0});
    dump.put(static_cast<uint32_t>(16 + body.size()));
    dump.put(time);
    dump.put_bytes(body.bytes());
  }
  void write() {
    base::ByteSink head;
    for (const uint32_t word : {0x4a695444u, 1u, 40u, 62u, 0u, 7u}) head.put(word);
    head.put(uint64_t{1});
    head.put(uint64_t{0});
    std::ofstream file(root + path, std::ios::binary);
    for (const auto bytes : {head.bytes(), dump.bytes()})
      file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
  }
  /// Of which entry, from 1, the code at an address is now.
  uint32_t code_at(uint64_t address) {
    const auto* const range = spaces.find(kPid).find(address);
    return range == nullptr ? ~0u : modules.find(range->module).code;
  }

  std::string root, path = "/jit-77.dump";
  base::ByteSink dump;
  uint64_t loads = 0;
  base::Interner strings;
  process::ModuleTable modules{strings};
  process::AddressSpaces spaces{modules, strings};
  symbol::Places places;
};

}  // namespace

TEST_CASE("what a compiler put over other code is another module from that time on") {
  Setup setup;
  setup.add(1000, 0x10000, 64, "first");
  setup.add(1000, 0x11000, 64, "alone");
  setup.add(2000, 0x10020, 64, "second");
  setup.add(3000, 0x10000, 64, "first");
  setup.write();
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.add_dump(kPid, setup.path);
  jit.advance(999);
  CHECK(setup.code_at(0x10000) == 0);
  jit.advance(1000);
  CHECK(setup.code_at(0x10000) == 1);
  CHECK(setup.code_at(0x1003f) == 1);
  CHECK(setup.code_at(0x10040) == 0);
  CHECK(setup.code_at(0x11000) == 0);
  jit.advance(2500);
  CHECK(setup.code_at(0x1001f) == 1);
  CHECK(setup.code_at(0x10020) == 3);
  jit.advance(3000);
  CHECK(setup.code_at(0x10020) == 1);  // the same again
  // The memory's protection changes, so it is told of anew.
  setup.map("//anon");
  CHECK(setup.code_at(0x10020) == 0);
  jit.remap(kPid, 0x10000, 0x10000);
  CHECK(setup.code_at(0x10020) == 1);
  setup.map("//anon");  // half of it
  jit.remap(kPid, 0x10020, 0x10000);
  CHECK(setup.code_at(0x1001f) == 0);
  CHECK(setup.code_at(0x10020) == 1);
}

TEST_CASE(
    "a file that is mapped where compiled code was has none of it, and nor has what follows") {
  Setup setup;
  setup.add(1000, 0x10000, 64, "first");
  setup.add(2000, 0x10000, 64, "second");
  setup.write();
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.add_dump(kPid, setup.path);
  jit.advance(1000);
  CHECK(setup.code_at(0x10000) == 1);
  setup.map("/usr/lib/libz.so.1");
  jit.remap(kPid, 0x10000, 0x10000);
  CHECK(setup.code_at(0x10000) == 0);
  setup.map("//anon");
  jit.remap(kPid, 0x10000, 0x10000);
  CHECK(setup.code_at(0x10000) == 0);
  jit.advance(2000);
  CHECK(setup.code_at(0x10000) == 2);
}

TEST_CASE("a process that executes has none of its compiled code") {
  Setup setup;
  setup.add(1000, 0x10000, 64, "first");
  setup.add(2000, 0x10000, 64, "second");
  setup.write();
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.add_dump(kPid, setup.path);
  jit.advance(1000);
  setup.spaces.exec(kPid);
  jit.forget(kPid);
  jit.advance(9000);
  CHECK(setup.spaces.find(kPid).ranges().empty());
  jit.remap(kPid, 0, ~uint64_t{0});
  CHECK(setup.spaces.find(kPid).ranges().empty());
}

TEST_CASE("what a process had compiled is forgotten when it ends, and when its pid is used again") {
  const auto attr = test::plain_attr();
  test::Fields at;
  at.pid = at.tid = kPid;
  Setup setup;
  setup.add(1000, 0x10000, 64, "first");
  setup.add(2000, 0x10000, 64, "second");
  setup.write();
  base::Interner strings;
  session::StackTables tables(strings);
  JitCode jit(tables.spaces, tables.modules, setup.places);
  session::CodeRecords records(tables);
  records.set_jit_code(jit);
  const auto apply = [&](const test::RecordWriter& writer) {
    for (const size_t start : writer.starts) {
      const auto* const record = writer.bytes.data() + start;
      const auto header = source::record_header(record);
      records.apply(header.type, header.misc, record, header.size_bytes - 32, 0);
    }
  };
  const auto code = [&] {
    const auto* const range = tables.spaces.find(kPid).find(0x10000);
    return range == nullptr ? ~0u : tables.modules.find(range->module).code;
  };
  const auto begin = [&] {
    apply(test::RecordWriter(attr)
              .fork(at, kPid, kPid, 1, 1)
              .mmap(at, 0x90000, 0x1000, setup.path)
              .mmap(at, 0x10000, 0x1000, "//anon"));
  };
  begin();
  records.advance(1000);
  CHECK(code() == 1);
  apply(test::RecordWriter(attr).fork(at, kPid, kPid + 1, kPid, kPid).exit(at, kPid, kPid));
  CHECK(jit.processes() == 1);  // a thread is left
  apply(test::RecordWriter(attr).exit(at, kPid, kPid + 1));
  CHECK(jit.processes() == 0);
  CHECK(code() == 1);  // of late samples
  begin();
  records.advance(1000);
  CHECK(code() == 1);
  apply(test::RecordWriter(attr).fork(at, kPid, kPid, 1, 1).mmap(at, 0x10000, 0x1000, "//anon"));
  CHECK(jit.processes() == 0);  // its end was lost
  records.advance(9000);
  CHECK(code() == 0);
}

TEST_CASE("a dump that is missing or damaged tells nothing, and its beginning what it can") {
  Setup setup;
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.add_dump(kPid, "/jit-1.dump");
  jit.advance(9000);
  CHECK(setup.code_at(0x10000) == 0);
  setup.add(1000, 0x10000, 64, "first");
  setup.add(2000, 0x10000, 64, "second");
  setup.write();
  std::filesystem::resize_file(setup.root + setup.path, 40 + setup.dump.bytes().size() - 7);
  JitCode cut(setup.spaces, setup.modules, setup.places);
  cut.add_dump(kPid, setup.path);
  cut.advance(9000);
  CHECK(setup.code_at(0x10000) == 0);  // one is left, and so nothing was used twice
}

TEST_CASE("of more compiled code than can be told apart none is from then on, and it is counted") {
  Setup setup;
  for (uint64_t i = 0; i <= JitCode::kMostTold + 100; ++i)
    setup.add(1000 + i, 0x10000 + i % 2, 64, "f" + std::to_string(i));
  setup.write();
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.add_dump(kPid, setup.path);
  jit.advance(1000 + JitCode::kMostTold - 1);
  CHECK(setup.code_at(0x10020) == JitCode::kMostTold);
  CHECK(setup.code_at(0x10800) == 0);
  CHECK(jit.untold() == 0);
  jit.advance(1000 + JitCode::kMostTold);
  CHECK(setup.code_at(0x10020) == process::Module::kUntold);
  CHECK(setup.code_at(0x10800) == process::Module::kUntold);
  CHECK(setup.spaces.find(kPid).ranges().size() == 1);
  CHECK(jit.untold() == 1);
  setup.map("//anon");
  jit.remap(kPid, 0x10000, 0x10000);
  CHECK(setup.code_at(0x10020) == process::Module::kUntold);
  jit.advance(90000);
  CHECK(setup.code_at(0x10020) == process::Module::kUntold);
  setup.map("/usr/lib/libz.so.1");
  jit.remap(kPid, 0x10000, 0x10000);
  CHECK(setup.code_at(0x10020) == 0);
  CHECK(setup.spaces.refused() == 0);
}

TEST_CASE("a live dump that grows beyond what is read again and again is not told apart any more") {
  Setup setup;
  setup.add(1000, 0x10000, 64, "first");
  setup.add(2000, 0x10000, 64, "second");
  setup.write();
  JitCode jit(setup.spaces, setup.modules, setup.places);
  jit.set_live();
  jit.add_dump(kPid, setup.path);
  jit.advance(3000);
  CHECK(setup.code_at(0x10000) == 2);
  std::filesystem::resize_file(setup.root + setup.path, JitCode::kMostRead + 1);  // a hole
  jit.advance(~base::Nanos{0} - 1);
  CHECK(setup.code_at(0x10000) == process::Module::kUntold);
  CHECK(jit.untold() == 1);
}

TEST_CASE("a dump is one by its name") {
  CHECK(JitCode::is_dump("/tmp/jit-12.dump"));
  CHECK(!JitCode::is_dump("/tmp/perf-12.map"));
  CHECK(!JitCode::is_dump("jit-12.dump/libc.so"));
}
