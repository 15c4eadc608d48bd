#include "process/cgroup_names.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

using oc::process::CgroupNames;

TEST_CASE("a cgroup's path is found by its id, a renamed one by its last path") {
  CgroupNames names;
  CHECK(names.find(7).empty());
  names.add(7, "/a");
  names.add(7, "/b");
  names.add(uint64_t{1} << 63, "/far");
  CHECK(names.find(7) == "/b");
  CHECK(names.find(uint64_t{1} << 63) == "/far");
}

TEST_CASE("one thread adds cgroups while another asks") {
  CgroupNames names;
  std::thread adds([&] {
    for (uint64_t id = 1; id <= 20000; ++id) names.add(id, "/group-" + std::to_string(id));
  });
  uint64_t wrong = 0;
  for (uint64_t id = 1; id <= 20000; ++id) {
    const std::string path = names.find(id);
    if (!path.empty() && path != "/group-" + std::to_string(id)) ++wrong;
  }
  adds.join();
  CHECK(wrong == 0);
  CHECK(names.find(20000) == "/group-20000");
}
