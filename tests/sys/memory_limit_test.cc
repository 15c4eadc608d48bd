#include "sys/memory_limit.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace oc::sys {
namespace {

namespace fs = std::filesystem;

/// Files below a folder of its own.
class Files {
 public:
  Files() : root_(fs::temp_directory_path() / ("oc-memory." + std::to_string(getpid()))) {}
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) const {
    const fs::path place = root_.string() + path;
    fs::create_directories(place.parent_path());
    std::ofstream(place) << text;
  }
  std::string root() const { return root_.string(); }

 private:
  fs::path root_;
};

TEST_CASE("without control groups memory is the machine's") {
  const Files files;
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  CHECK(load_memory_bytes(files.root()) == pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
}

TEST_CASE("the tightest of all groups above counts") {
  const Files files;
  files.write("/proc/self/cgroup", "3:cpu:/\n0::/a/b\n");
  files.write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  CHECK(load_memory_bytes(files.root()) == load_memory_bytes("/nowhere"));
  files.write("/sys/fs/cgroup/a/memory.max", "2097152\n");
  files.write("/sys/fs/cgroup/memory.max", "3145728\n");
  CHECK(load_memory_bytes(files.root()) == 2097152);
  files.write("/sys/fs/cgroup/a/b/memory.max", "1048576\n");
  CHECK(load_memory_bytes(files.root()) == 1048576);
}

TEST_CASE("the older hierarchy counts, and damaged files do not") {
  const Files files;
  files.write("/proc/self/cgroup", "nonsense\n::\n4:memory:/a\n0::/../..\n");
  files.write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1048576\n");
  files.write("/sys/fs/cgroup/memory.max", "x\n");
  CHECK(load_memory_bytes(files.root()) == 1048576);
}

}  // namespace
}  // namespace oc::sys
