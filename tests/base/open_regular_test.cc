#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/open_regular.h"

using oc::base::open_regular;

TEST_CASE("a regular file is opened below its root, and nothing else") {
  char name[] = "/tmp/oc-open-test.XXXXXX";
  const std::string folder = mkdtemp(name), root = folder + "/root";
  std::filesystem::create_directories(root + "/usr/lib");
  std::ofstream(folder + "/outside") << "x";
  std::ofstream(root + "/usr/lib/inside") << "y";
  REQUIRE(symlink("/usr/lib/inside", (root + "/link").c_str()) == 0);
  REQUIRE(symlink("../../outside", (root + "/usr/out").c_str()) == 0);
  REQUIRE(mkfifo((root + "/fifo").c_str(), 0600) == 0);

  CHECK(open_regular(folder + "/outside"));
  CHECK(open_regular("/usr/lib/inside", root));
  CHECK_FALSE(open_regular("/../outside", root));
  CHECK_FALSE(open_regular("/usr/../../outside", root));
  CHECK_FALSE(open_regular("/usr/out", root));
  CHECK_FALSE(open_regular("/none", root));
  CHECK_FALSE(open_regular("/usr/lib/inside", folder + "/none"));
  CHECK_FALSE(open_regular("/usr/lib", root));
  for (const auto& refused : {open_regular("/fifo", root), open_regular("/dev/null")}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("is not a regular file") != std::string::npos);
  }
  std::filesystem::remove_all(folder);
}
