#include "base/mapping.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "base/fd.h"

using oc::base::Fd;
using oc::base::Mapping;

namespace {

int g_mended = 0;

void on_bus_error(int, siginfo_t* info, void*) {
  if (!Mapping::mend(info->si_addr)) _exit(1);
  ++g_mended;
}

}  // namespace

TEST_CASE(
    "a mapping of a file that became shorter reads as zeros, or records of nothing, where nothing "
    "is left") {
  const bool is_private = GENERATE(false, true);
  g_mended = 0;
  char path[] = "/tmp/oc_mapping_XXXXXX";
  const Fd fd(mkstemp(path));
  unlink(path);
  const std::string text(3 * 4096, 'x');
  REQUIRE(write(fd.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  auto mapping =
      is_private ? Mapping::map_private(fd.number(), path) : Mapping::map(fd.number(), path);
  REQUIRE(mapping);
  const Mapping moved = std::move(*mapping);
  REQUIRE(ftruncate(fd.number(), 4096) == 0);

  struct sigaction handler {
  }, before{};
  handler.sa_sigaction = on_bus_error;
  handler.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &handler, &before);
  CHECK(moved.bytes()[100] == 'x');
  CHECK_FALSE(moved.is_mended());
  CHECK(moved.bytes()[5000] == 0);
  CHECK(moved.bytes()[2 * 4096 + 4095] == 0);
  CHECK(moved.bytes()[2 * 4096 + 4094] == (is_private ? 0 : 8));
  CHECK(g_mended == 2);
  CHECK(moved.is_mended());
  sigaction(SIGBUS, &before, nullptr);
}

TEST_CASE("what is no mapping of a file is not mended") {
  const int here = 0;
  CHECK_FALSE(Mapping::mend(&here));
  CHECK_FALSE(Mapping::mend(nullptr));
}
