#include "process/module_table.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/interner.h"

using oc::base::Interner;
using oc::process::BuildId;
using oc::process::Module;
using oc::process::ModuleId;
using oc::process::ModuleKind;
using oc::process::ModuleTable;

namespace {

Module file(Interner& strings, const char* path) {
  Module module;
  module.kind = ModuleKind::kFile;
  module.path = strings.intern(path);
  return module;
}

}  // namespace

TEST_CASE("a file is one module in all processes") {
  Interner strings;
  ModuleTable modules(strings);
  Module libc = file(strings, "/lib/libc.so.6");
  libc.inode = 7;
  libc.pid = 10;
  const ModuleId first = modules.intern(libc);
  libc.pid = 20;
  CHECK(modules.intern(libc) == first);
  CHECK(modules.path(first) == "/lib/libc.so.6");
  CHECK(modules.find(first).pid == 10);
}

TEST_CASE("a file that was replaced is another module") {
  Interner strings;
  ModuleTable modules(strings);
  Module old = file(strings, "/bin/tool");
  old.inode = 7;
  Module fresh = old;
  fresh.inode = 8;
  CHECK_FALSE(modules.intern(old) == modules.intern(fresh));
}

TEST_CASE("with a build id it does not matter which inode the file has") {
  Interner strings;
  ModuleTable modules(strings);
  Module one = file(strings, "/bin/tool");
  one.build_id = BuildId(std::vector<uint8_t>(20, 0xab));
  Module two = one;
  two.inode = 8;
  CHECK(modules.intern(one) == modules.intern(two));
  two.build_id = BuildId(std::vector<uint8_t>(20, 0xac));
  CHECK_FALSE(modules.intern(one) == modules.intern(two));
}

TEST_CASE("memory belongs to its process, by its name and what was compiled there") {
  Interner strings;
  ModuleTable modules(strings);
  Module memory;
  memory.kind = ModuleKind::kMemory;
  memory.path = strings.intern("//anon");
  memory.pid = 1;
  const ModuleId first = modules.intern(memory);
  CHECK(modules.intern(memory) == first);
  memory.code = 1;
  CHECK_FALSE(modules.intern(memory) == first);
  memory.code = 0;
  memory.path = strings.intern("[vsyscall]");
  CHECK_FALSE(modules.intern(memory) == first);
  memory.path = strings.intern("//anon");
  memory.pid = 2;
  CHECK_FALSE(modules.intern(memory) == first);
}

TEST_CASE("no id is a module of no kind") {
  Interner strings;
  const ModuleTable modules(strings);
  CHECK(modules.find(ModuleId{}).kind == ModuleKind::kNone);
  CHECK(modules.path(ModuleId{}).empty());
}

TEST_CASE("a build id longer than the kernel keeps is cut, a short one is not padded") {
  CHECK(BuildId(std::vector<uint8_t>(32, 1)).size_bytes == 20);
  CHECK(BuildId(std::vector<uint8_t>(8, 1)).view().size() == 8);
  CHECK_FALSE(BuildId(std::vector<uint8_t>(8, 1)) == BuildId(std::vector<uint8_t>(9, 1)));
  CHECK_FALSE(static_cast<bool>(BuildId{}));
}
