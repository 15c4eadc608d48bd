#include "process/address_spaces.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using oc::base::Interner;
using oc::process::AddressSpaces;
using oc::process::CodeMap;
using oc::process::CodeRange;
using oc::process::Mapping;
using oc::process::ModuleId;
using oc::process::ModuleKind;
using oc::process::ModuleTable;

namespace {

Mapping mapping(uint64_t start, uint64_t size_bytes, const char* path, uint64_t offset = 0) {
  Mapping mapping;
  mapping.start = start;
  mapping.size_bytes = size_bytes;
  mapping.offset = offset;
  mapping.path = path;
  return mapping;
}

Mapping data(uint64_t start, uint64_t size_bytes, const char* path) {
  Mapping made = mapping(start, size_bytes, path);
  made.is_code = false;
  return made;
}

struct Fixture {
  Interner strings;
  ModuleTable modules{strings};
  AddressSpaces spaces{modules, strings};

  /// "path+offset" of what is mapped there; "" for nothing.
  std::string at(int32_t pid, uint64_t address) const {
    return describe(spaces.find(pid), address);
  }
  std::string describe(const CodeMap& map, uint64_t address) const {
    const CodeRange* const range = map.find(address);
    if (range == nullptr) return "";
    const auto frame = range->frame(address, false);
    return std::string(modules.path(frame.module)) + "+" + std::to_string(frame.offset);
  }
};

}  // namespace

TEST_CASE("an address is an offset in the file that is mapped there") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a", 0x400));
  CHECK(f.at(1, 0x1000) == "/a+1024");
  CHECK(f.at(1, 0x1fff) == "/a+5119");
  CHECK(f.at(1, 0xfff).empty());
  CHECK(f.at(1, 0x2000).empty());
  CHECK(f.at(2, 0x1000).empty());
}

TEST_CASE("a mapping over others cuts them, and what is left keeps its offsets") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x4000, "/a"));
  f.spaces.map(1, mapping(0x2000, 0x1000, "/b", 0x100));
  CHECK(f.at(1, 0x1fff) == "/a+4095");
  CHECK(f.at(1, 0x2000) == "/b+256");
  CHECK(f.at(1, 0x3000) == "/a+8192");
  f.spaces.map(1, mapping(0x1800, 0x2000,
                          "/c"));  // over the end of one, all of another, the start of a third
  CHECK(f.at(1, 0x17ff) == "/a+2047");
  CHECK(f.at(1, 0x2000) == "/c+2048");
  CHECK(f.at(1, 0x3800) == "/a+10240");
  f.spaces.map(1, data(0, 0x10000, "/d"));
  CHECK(f.spaces.find(1).ranges().empty());
}

TEST_CASE("mappings agree with a table of single bytes") {
  Fixture f;
  std::mt19937 random(7);
  const char* const paths[] = {"/a", "/b", "/c", "//anon"};
  constexpr uint64_t kEnd = 512;
  std::vector<std::string> bytes(kEnd + 80);
  for (int round = 0; round < 3000; ++round) {
    const uint64_t start = random() % kEnd;
    const uint64_t size = 1 + random() % 60;
    const char* const path = paths[random() % 4];
    const uint64_t offset = random() % 1000;
    const bool is_code = random() % 4 != 0;
    Mapping made = mapping(start, size, path, offset);
    made.is_code = is_code;
    const uint32_t before = f.spaces.find(1).generation();
    bool changes = false;
    for (uint64_t at = start; at < start + size; ++at) {
      changes = changes || !bytes[at].empty();
      bytes[at].clear();
      const uint64_t in_module = path[1] == '/' ? at : offset + at - start;
      if (is_code) bytes[at] = std::string(path) + "+" + std::to_string(in_module);
    }
    f.spaces.map(1, made);
    for (uint64_t at = 0; at < bytes.size(); ++at) {
      if (f.at(1, at) != bytes[at]) REQUIRE(f.at(1, at) == bytes[at]);
    }
    if (round > 0 && changes) REQUIRE(f.spaces.find(1).generation() != before);
  }
}

TEST_CASE("a child has its parent's code until one of them changes") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  f.spaces.fork(2, 1, false);
  f.spaces.fork(3, 1, true);
  f.spaces.fork(1, 1, false);  // a thread
  CHECK(f.at(2, 0x1000) == "/a+0");
  CHECK(f.at(3, 0x1000).empty());
  f.spaces.map(1, mapping(0x3000, 0x1000, "/b"));
  f.spaces.map(2, mapping(0x3000, 0x1000, "/c"));
  CHECK(f.at(1, 0x3000) == "/b+0");
  CHECK(f.at(2, 0x3000) == "/c+0");
  CHECK(f.spaces.find(1).generation() != f.spaces.find(2).generation());
  f.spaces.exec(2);
  CHECK(f.spaces.find(2).ranges().empty());
  CHECK(f.at(1, 0x1000) == "/a+0");
}

TEST_CASE("while the kernel executes a program, who called it is still found") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/old"));
  f.spaces.map(1, mapping(0x5000, 0x1000, "/libc"));
  const uint32_t generation = f.spaces.find(1).generation();
  f.spaces.exec(1);
  CHECK(f.spaces.find(1).generation() != generation);
  CHECK(f.at(1, 0x5000) == "/libc+0");
  f.spaces.map(1, mapping(0x1000, 0x800, "/new"));
  CHECK(f.at(1, 0x1000) == "/new+0");
  CHECK(f.at(1, 0x1800) == "/old+2048");
  const uint32_t between = f.spaces.find(1).generation();
  f.spaces.map(1, mapping(0x9000, 0x1000, "[vdso]"));
  CHECK(f.spaces.find(1).generation() != between);
  CHECK(f.at(1, 0x5000) == "/libc+0");
  f.spaces.map(1, mapping(0xa000, 0x1000, "/libc"));  // this is the program itself
  CHECK(f.at(1, 0x5000).empty());
  CHECK(f.at(1, 0x1800).empty());
  CHECK(f.at(1, 0x1000) == "/new+0");
  for (int i = 0; i < 1000; ++i) f.spaces.exec(1);  // programs that map nothing
  CHECK(f.at(1, 0x1000).empty());
  CHECK(f.spaces.size_bytes() < 2000);
}

TEST_CASE("a new mapping where nothing was keeps the generation") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  const uint32_t before = f.spaces.find(1).generation();
  f.spaces.map(1, mapping(0x5000, 0x1000, "/b"));
  f.spaces.map(1, data(0x9000, 0x1000, "/b"));
  CHECK(f.spaces.find(1).generation() == before);
  const CodeMap& lent = f.spaces.lend(1);
  f.spaces.map(1, mapping(0x7000, 0x1000, "/c"));
  CHECK(f.spaces.find(1).generation() == before);
  CHECK(&lent != &f.spaces.find(1));
  f.spaces.map(1, mapping(0x7000, 0x1000, "/d"));
  CHECK(f.spaces.find(1).generation() != before);
}

TEST_CASE("what was lent stays as it was") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  const CodeMap& before = f.spaces.lend(1);
  f.spaces.map(1, mapping(0x1000, 0x1000, "/b"));
  const CodeMap& between = f.spaces.lend(1);
  f.spaces.exec(1);
  f.spaces.exit(1, 1);
  CHECK(f.describe(before, 0x1000) == "/a+0");
  CHECK(f.describe(between, 0x1000) == "/b+0");
  CHECK(f.spaces.find(1).ranges().empty());
  CHECK(f.spaces.lend(99).ranges().empty());
  f.spaces.take_back();
}

TEST_CASE("a pid that is used again is another process; those that ended are kept for a while") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  f.spaces.exit(1, 1);
  CHECK(f.at(1, 0x1000) == "/a+0");
  f.spaces.fork(1, 50, false);
  CHECK(f.at(1, 0x1000).empty());
  for (int32_t pid = 100; pid < 100 + 3 * static_cast<int32_t>(AddressSpaces::kMostDead); ++pid) {
    f.spaces.map(pid, mapping(0x1000, 0x1000, "/b"));
    f.spaces.exit(pid, pid);
  }
  CHECK(f.at(100, 0x1000).empty());
  CHECK(f.spaces.size_bytes() < AddressSpaces::kMostDead * 400);
}

TEST_CASE("a process ends with its last thread, whichever that is") {
  Fixture f;
  const auto bury_others = [&f] {
    for (int32_t pid = 100; pid < 101 + static_cast<int32_t>(AddressSpaces::kMostDead); ++pid) {
      f.spaces.map(pid, mapping(0x1000, 0x1000, "/b"));
      f.spaces.exit(pid, pid);
    }
  };
  f.spaces.fork(1, 50, true);
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  f.spaces.add_thread(1, 2);
  f.spaces.add_thread(1, 2);  // listed, and told
  f.spaces.add_thread(1, 3);
  CHECK_FALSE(f.spaces.exit(1, 1));
  CHECK_FALSE(f.spaces.exit(1, 3));
  bury_others();
  CHECK(f.at(1, 0x1000) == "/a+0");
  CHECK(f.spaces.exit(1, 2));
  CHECK_FALSE(f.spaces.exit(1, 2));
  CHECK(f.at(1, 0x1000) == "/a+0");
  bury_others();
  CHECK(f.at(1, 0x1000).empty());
  f.spaces.add_thread(7, 8);  // of a process that nobody told of
  CHECK(&f.spaces.find(7) == &f.spaces.find(9));
}

TEST_CASE("a thread that becomes another program is all that is left of its process") {
  Fixture f;
  f.spaces.fork(1, 50, true);
  f.spaces.add_thread(1, 2);
  f.spaces.exit(1, 1);
  f.spaces.exec(1);
  f.spaces.map(1, mapping(0x1000, 0x1000, "/a"));
  f.spaces.exit(1, 1);
  for (int32_t pid = 100; pid < 101 + static_cast<int32_t>(AddressSpaces::kMostDead); ++pid) {
    f.spaces.map(pid, mapping(0x1000, 0x1000, "/b"));
    f.spaces.exit(pid, pid);
  }
  CHECK(f.at(1, 0x1000).empty());
}

TEST_CASE("rundowns know no generation of an inode: the file is the same") {
  Fixture f;
  Mapping file = mapping(0x1000, 0x1000, "/a");
  file.device = 8;
  file.inode = 77;
  f.spaces.map(1, file);
  file.inode_generation = 1234;
  f.spaces.map(2, file);
  file.inode_generation = 1235;
  f.spaces.map(3, file);
  const auto module_of = [&](int32_t pid) { return f.spaces.find(pid).find(0x1000)->module; };
  CHECK(module_of(1) == module_of(2));
  CHECK_FALSE(module_of(1) == module_of(3));
}

TEST_CASE("memory that is no file is told apart by process, and its frames are addresses") {
  Fixture f;
  for (const char* path : {"//anon", "[heap]", "[stack]", "", "anon_inode:x"}) {
    f.spaces.map(1, mapping(0x1000, 0x1000, path, 0x77));
    const CodeRange range = *f.spaces.find(1).find(0x1800);
    CHECK(f.modules.find(range.module).kind == ModuleKind::kMemory);
    CHECK(range.frame(0x1800, false).offset == 0x1800);
  }
  f.spaces.map(2, mapping(0x1000, 0x1000, "//anon"));
  CHECK_FALSE(f.spaces.find(1).find(0x1000)->module == f.spaces.find(2).find(0x1000)->module);
  f.spaces.map(2, mapping(0x5000, 0x1000, "[vdso]"));
  CHECK(f.modules.find(f.spaces.find(2).find(0x5000)->module).kind == ModuleKind::kVdso);
  CHECK(f.at(2, 0x5010) == "[vdso]+16");
}

TEST_CASE("the kernel, its modules and the code that it makes") {
  Fixture f;
  f.spaces.map_kernel(mapping(0xffffffff81000000, ~uint64_t{0}, "[kernel.kallsyms]"));
  f.spaces.map_kernel(mapping(0xffffffffc0000000, 0x4000, "[ext4]"));
  f.spaces.add_kernel_code(0xffffffffc0100000, 0x100, "bpf_prog_1");
  const CodeMap& kernel = f.spaces.kernel();
  CHECK(f.describe(kernel, 0xffffffff81000010) == "[kernel.kallsyms]+18446744071578845200");
  CHECK(f.describe(kernel, 0xffffffffc0000010) == "[ext4]+18446744072635809808");
  CHECK(f.describe(kernel, 0xffffffffc0100010).starts_with("bpf_prog_1+"));
  CHECK(f.modules.find(kernel.find(0xffffffffc0100010)->module).kind == ModuleKind::kBpf);
  f.spaces.remove_kernel_code(0xffffffffc0100000, 0x100);
  CHECK(kernel.find(0xffffffffc0100010) == nullptr);
  CHECK(f.modules.find(f.spaces.kernel_module()).kind == ModuleKind::kKernel);
}

TEST_CASE("lengths that make no sense map nothing") {
  Fixture f;
  f.spaces.map(1, mapping(0x1000, 0, "/a"));
  f.spaces.map(1, mapping(0x1000, ~uint64_t{0}, "/a"));
  CHECK(f.spaces.find(1).ranges().empty());
  for (uint64_t i = 0; i < AddressSpaces::kMostRanges + 10; ++i)
    f.spaces.map(1, mapping(i << 13, 0x1000, "/a"));
  CHECK(f.spaces.refused() == 10);
}
