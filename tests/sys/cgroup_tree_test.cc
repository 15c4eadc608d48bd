#include "sys/cgroup_tree.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace oc::sys;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kTreeId = "3f1c" + std::string(60, 'a');
const std::string kOther = "3f1d" + std::string(60, 'b');

/// A system with the hierarchies that `mounts` says, all groups in the unified one.
class System {
 public:
  explicit System(const std::string& mounts) {
    root_ = fs::temp_directory_path() / ("oc-cgroups." + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_ / "proc/self");
    std::ofstream(root_ / "proc/self/mounts") << mounts;
    for (const std::string& group :
         {std::string("cg/system.slice/ssh.service"),
          "cg/system.slice/docker-" + kTreeId + ".scope/inner", "cg/kubepods/pod1/" + kOther,
          std::string("v1/perf/web"), std::string("v1/memory/web")}) {
      fs::create_directories(root_ / group);
    }
  }
  ~System() { fs::remove_all(root_); }
  CgroupTree tree() const { return CgroupTree(root_.string()); }
  std::string path(const std::string& of) const { return (root_ / of).string(); }

 private:
  fs::path root_;
};

const char* const kUnified = "cgroup2 /cg cgroup2 rw 0 0\ncgroup /v1/memory cgroup rw,memory 0 0\n";

}  // namespace

TEST_CASE("groups are found by path, by folder and by glob") {
  const System system(kUnified);
  for (const std::string& name :
       {std::string("/system.slice/ssh.service"), std::string("system.slice/ssh.service"),
        system.path("cg/system.slice/ssh.service")}) {
    const auto found = system.tree().find(name);
    REQUIRE(found);
    CHECK(found->front() == system.path("cg/system.slice/ssh.service"));
  }
  CHECK(system.tree().find("/system.slice/*.service")->size() == 1);
  CHECK(system.tree().find("/")->front() == system.path("cg/"));
}

TEST_CASE("a group that is not there is told with the nearest, one of another hierarchy as such") {
  const System system(kUnified);
  const auto missing = system.tree().find("/system.slice/sh.service");
  REQUIRE(!missing);
  CHECK_THAT(missing.error().hint, Contains("ssh.service"));
  const auto other = system.tree().find(system.path("v1/memory/web"));
  REQUIRE(!other);
  CHECK_THAT(other.error().what, Contains("do not use"));
  CHECK(!system.tree().find("/../v1/memory"));
  CHECK(!system.tree().find(""));
}

TEST_CASE("a version 1 hierarchy with perf_event is the one that counts") {
  const System system(std::string(kUnified) + "cgroup /v1/perf cgroup rw,perf_event 0 0\n");
  CHECK(system.tree().find("web")->front() == system.path("v1/perf/web"));
  const System none("cgroup /v1/memory cgroup rw,memory 0 0\n");
  const auto found = none.tree().find("web");
  REQUIRE(!found);
  CHECK_THAT(found.error().hint, Contains("perf_event"));
}

TEST_CASE("containers are found by the first digits of their ids") {
  const System system(kUnified);
  const auto found = system.tree().find_container(kTreeId.substr(0, 6));
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front() == system.path("cg/system.slice/docker-" + kTreeId + ".scope"));
  CHECK(system.tree().find_container(kOther)->front() == system.path("cg/kubepods/pod1/" + kOther));
}

TEST_CASE("a container that is not there, or not one only, is told") {
  const System system(kUnified);
  const auto missing = system.tree().find_container("ffff");
  REQUIRE(!missing);
  CHECK_THAT(missing.error().hint, Contains(kTreeId.substr(0, 12)));
  CHECK_THAT(system.tree().find_container("web-1").error().hint, Contains("docker ps"));
  CHECK(!system.tree().find_container("3f1"));  // too few digits
}
