#include "session/kept_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/clock.h"

using namespace oc;
using session::KeptFiles;

namespace {

constexpr int32_t kNobody = 0x3ffffff0;  // a process that has gone: files are seen by their path

/// Files of a folder of their own, mapped a moment ago.
struct KeptFixture {
  explicit KeptFixture(KeptFiles::Limits limits) : kept(limits) {
    char name[] = "/tmp/oc-kept-files-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder = name;
  }
  ~KeptFixture() { std::filesystem::remove_all(folder); }

  std::string path(const std::string& name) const { return folder + "/" + name; }
  void remove(const std::string& name) const { REQUIRE(unlink(path(name).c_str()) == 0); }

  process::Module map(const std::string& name, size_t size = 4096) {
    const std::string file = path(name);
    std::ofstream(file, std::ios::binary) << std::string(size, 'x');
    usleep(30'000);  // the kernel's times of files are coarse
    struct stat info {};
    REQUIRE(stat(file.c_str(), &info) == 0);
    process::Mapping mapping;
    mapping.start = 0x1000;
    mapping.size_bytes = 0x1000;
    mapping.path = file;
    mapping.device = uint64_t{major(info.st_dev)} << 32 | minor(info.st_dev);
    mapping.inode = info.st_ino;
    kept.look_at(files, kNobody, base::now_of(CLOCK_MONOTONIC), mapping);
    process::Module module;
    module.device = mapping.device;
    module.inode = mapping.inode;
    module.inode_generation = mapping.inode_generation;
    module.contents = mapping.contents;
    return module;
  }
  bool has(const process::Module& module) const { return static_cast<bool>(kept.lend(module)); }

  std::string folder;
  perf::CodeFiles files;
  KeptFiles kept;
};

}  // namespace

TEST_CASE("where too many files are held, those that their path leads to go first") {
  KeptFiles::Limits limits;
  limits.files = 4;
  KeptFixture f(limits);
  const auto removed = f.map("removed");
  const auto renamed = f.map("renamed");
  const auto older = f.map("older");
  const auto newer = f.map("newer");
  f.remove("removed");
  REQUIRE(rename(f.path("renamed").c_str(), f.path("elsewhere").c_str()) == 0);
  const auto next = f.map("next");
  CHECK(f.has(removed));
  CHECK(f.has(renamed));
  CHECK_FALSE(f.has(older));
  CHECK(f.has(newer));
  CHECK(f.has(next));
  CHECK(f.kept.note() == "");
  for (const char* name : {"newer", "next"}) f.remove(name);
  CHECK_FALSE(f.has(f.map("one too many")));
  CHECK(f.has(newer));
  CHECK(f.kept.note() ==
        "1 mappings of programs and libraries came when 4 files were held already: their "
        "functions may have no names, and stacks may end there");
}

TEST_CASE("removed files are held until they take too much space") {
  KeptFiles::Limits limits;
  limits.removed_bytes = 1 << 20;
  KeptFixture f(limits);
  constexpr size_t kSize = 600 << 10;
  const auto first = f.map("first", kSize);
  const auto second = f.map("second", kSize);
  const auto there = f.map("there", kSize);
  f.remove("first");
  usleep(150'000);
  CHECK(f.has(f.map("one")));
  CHECK(f.has(first));
  f.remove("second");
  usleep(150'000);
  CHECK(f.has(f.map("another")));
  CHECK_FALSE(f.has(first));
  CHECK(f.has(second));
  CHECK(f.has(there));
  CHECK(f.kept.note() ==
        "1 removed programs and libraries were let go: together they took more than 1 MiB of "
        "disk: their functions may have no names, and stacks may end there");
}
