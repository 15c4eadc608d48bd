#include "sys/cpus.h"

#include <catch2/catch.hpp>

using oc::sys::parse_cpu_list;

TEST_CASE("a list of CPUs may have holes") {
  CHECK(*parse_cpu_list("0-2,5\n") == std::vector<int32_t>{0, 1, 2, 5});
  CHECK(*parse_cpu_list("0") == std::vector<int32_t>{0});
  CHECK(*parse_cpu_list("1,3,8-9") == std::vector<int32_t>{1, 3, 8, 9});
  CHECK(parse_cpu_list("\n")->empty());
}

TEST_CASE("what is not a list of CPUs is refused with the text") {
  for (const char* text : {"a", "1-", "-1", "2-1", "1,", ",1", "1 2", "0-99999999", "0x1"}) {
    const auto cpus = parse_cpu_list(text);
    INFO(text);
    REQUIRE(!cpus);
    CHECK(cpus.error().what.find(text) != std::string::npos);
  }
}

TEST_CASE("the CPUs online here are found") {
  const auto cpus = oc::sys::load_online_cpus();
  REQUIRE(cpus);
  CHECK(!cpus->empty());
}

TEST_CASE("a machine without the file is an error with its path") {
  const auto cpus = oc::sys::load_online_cpus("/nonexistent/online");
  REQUIRE(!cpus);
  CHECK(cpus.error().what == "cannot read /nonexistent/online: No such file or directory");
}
