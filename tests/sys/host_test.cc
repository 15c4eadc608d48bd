#include "sys/host.h"

#include <sys/utsname.h>

#include <catch2/catch.hpp>

using namespace oc;

TEST_CASE("values are found by their whole key") {
  const std::string text = "model\t\t: 85\nmodel name\t: Xeon  CPU \nempty\t:\nno colon here\n";
  CHECK(sys::find_line_value(text, "model name") == "Xeon  CPU");
  CHECK(sys::find_line_value(text, "model") == "85");
  CHECK(sys::find_line_value(text, "empty").empty());
  CHECK(sys::find_line_value(text, "no colon here").empty());
  CHECK(sys::find_line_value("", "model").empty());
  CHECK(sys::find_line_value("MemTotal: 8 kB", "MemTotal") == "8 kB");
}

TEST_CASE("this machine has a name, a kernel, CPUs and memory") {
  utsname names{};
  REQUIRE(uname(&names) == 0);
  const auto facts = sys::load_host_facts();
  CHECK(facts.name == names.nodename);
  CHECK(facts.kernel == names.release);
  CHECK(facts.arch == names.machine);
  CHECK(facts.cpus_online >= 1);
  CHECK(facts.cpus_available >= facts.cpus_online);
  CHECK(facts.memory_bytes > (1 << 20));
}
