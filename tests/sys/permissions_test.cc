#include "sys/permissions.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace oc::sys;

TEST_CASE("permissions are read from this process") {
  const Permissions may = load_permissions();
  CHECK(may.euid == geteuid());
  CHECK(may.max_sample_rate > 0);
}

TEST_CASE("capabilities beat perf_event_paranoid") {
  Permissions may;
  may.perf_event_paranoid = 2;
  CHECK(!may.may_trace_system_wide());
  CHECK(!may.may_see_kernel());
  may.has_perfmon = true;
  CHECK(may.may_trace_system_wide());
  CHECK(may.may_see_kernel());
  CHECK(!may.may_lock_any_amount());
}

TEST_CASE("the hint names the setting's value and the commands") {
  Permissions may;
  may.perf_event_paranoid = 3;
  const std::string hint = paranoid_hint(may, 1);
  CHECK(hint.find("is 3") != std::string::npos);
  CHECK(hint.find("sysctl kernel.perf_event_paranoid=1") != std::string::npos);
  CHECK(hint.find("cap_perfmon+ep") != std::string::npos);
}

TEST_CASE("more files than the hard limit allows is an error with both numbers") {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(raise_file_limit(10));
  if (limit.rlim_max > 1u << 30) return;
  const auto raised = raise_file_limit(limit.rlim_max + 1);
  REQUIRE(!raised);
  CHECK(raised.error().what.find(std::to_string(limit.rlim_max)) != std::string::npos);
}
