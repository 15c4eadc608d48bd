#include "sys/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace oc::sys;

namespace {
const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kShort = "0123456789ab";
}  // namespace

TEST_CASE("the cgroup2 path of a process is taken, wherever its line is") {
  CHECK(parse_process_cgroup("0::/system.slice/ssh.service\n").path == "/system.slice/ssh.service");
  CHECK(parse_process_cgroup("4:memory:/a\n1:name=systemd:/b\n0::/c\n").path == "/c");
  CHECK(parse_process_cgroup("4:memory:/a\n1:name=systemd:/b\n").path == "/b");
  CHECK(parse_process_cgroup("0::/with:colon\n").path == "/with:colon");
}

TEST_CASE("damaged lines of a cgroup file are passed over") {
  for (const char* text : {"", "\n\n", "0", "0:", "0::", "0::relative", ":::", "0::\n"}) {
    CHECK(parse_process_cgroup(text).path.empty());
    CHECK(parse_process_cgroup(text).container.empty());
  }
  CHECK(parse_process_cgroup("junk\n0::/x").path == "/x");
}

TEST_CASE("containers are known by the paths that their runtimes make") {
  for (const std::string& path :
       {"/system.slice/docker-" + kId + ".scope", "/docker/" + kId,
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234_5.slice/"
        "cri-containerd-" +
            kId + ".scope",
        "/system.slice/containerd.service/kubepods-besteffort-pod12.slice:cri-containerd:" + kId,
        "/kubepods/burstable/pod0ec61b4c-b1bd-4eee-9c70-2cd0f5a9d8f9/" + kId,
        "/kubepods.slice/kubepods-pod12.slice/crio-" + kId + ".scope",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
            ".scope/container",
        "/libpod_parent/libpod-" + kId, "/ecs/task/" + kId, "/docker/" + kId + "/init.scope"}) {
    INFO(path);
    CHECK(container_name_of(path) == kShort);
    CHECK(container_id_of(path) == kId);
  }
  CHECK(container_name_of("/lxc.payload.web1/system.slice") == "web1");
  CHECK(container_name_of("/lxc/web1") == "web1");
  CHECK(container_name_of("/machine.slice/machine-deb12.scope/payload") == "deb12");
}

TEST_CASE("what is no container is none") {
  for (const char* path :
       {"", "/", "/user.slice/user-1000.slice/session-2.scope", "/system.slice/docker.service",
        "/system.slice/run-r0123456789abcdef0123456789abcdef.scope", "/machine.slice",
        "/init.scope", "/lxc", "/lxc.payload."}) {
    INFO(path);
    CHECK(container_name_of(path).empty());
  }
  CHECK(container_name_of("/machine.slice/libpod-conmon-" + kId + ".scope").empty());
  CHECK(container_name_of("/kubepods.slice/crio-conmon-" + kId + ".scope").empty());
}

TEST_CASE("a container is found in another hierarchy than the path") {
  const auto found = parse_process_cgroup("5:memory:/docker/" + kId + "\n0::/\n");
  CHECK(found.path == "/");
  CHECK(found.container == kShort);
  const auto both =
      parse_process_cgroup("5:memory:/x/fedcba9876543210fedcba9876543210\n0::/docker/" + kId);
  CHECK(both.container == kShort);
}

TEST_CASE("groups are found with the ids of their folders, parents first") {
  const auto root =
      std::filesystem::temp_directory_path() / ("oc-cgroup-" + std::to_string(getpid()));
  std::filesystem::create_directories(root / "a/b");
  std::ofstream(root / "cgroup.procs") << "";
  const auto groups = scan_cgroups(root);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].path == "/");
  CHECK(groups[1].path == "/a");
  CHECK(groups[2].path == "/a/b");
  CHECK(groups[2].id == load_cgroup_id(root / "a/b"));
  CHECK(scan_cgroups(root, 2).size() == 2);
  CHECK(load_cgroup_id(root / "cgroup.procs") == 0);
  std::filesystem::remove_all(root);
  CHECK(scan_cgroups(root).empty());
}

TEST_CASE("the mount of the cgroup2 tree is found, blanks in its name too") {
  const auto file =
      std::filesystem::temp_directory_path() / ("oc-mounts-" + std::to_string(getpid()));
  std::ofstream(file)
      << "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\nnone /my\\040groups cgroup2 rw 0 0\n";
  CHECK(*find_cgroup2(file) == "/my groups");
  std::ofstream(file) << "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n";
  const auto missing = find_cgroup2(file);
  REQUIRE(!missing);
  CHECK(missing.error().hint.find("mount -t cgroup2") != std::string::npos);
  std::filesystem::remove(file);
}

TEST_CASE("the path of this process is what the kernel's own tree knows") {
  const auto mine = load_process_cgroup(getpid());
  std::ifstream file("/proc/self/cgroup");
  if (!file) return;
  REQUIRE(mine.path.starts_with("/"));
  const auto root = find_cgroup2();
  if (!root || mine.path.find("..") != std::string::npos) return;
  const uint64_t id = load_cgroup_id(*root + mine.path);
  bool is_listed = false;
  for (const auto& group : scan_cgroups(*root))
    is_listed |= group.id == id && (mine.path == group.path);
  CHECK((is_listed || id == 0));
  CHECK(load_process_cgroup(0x7ffffff0).path.empty());
}
