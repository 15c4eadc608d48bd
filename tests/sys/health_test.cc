#include "sys/health.h"

#include <catch2/catch.hpp>
#include <set>

using namespace oc::sys;
using State = Finding::State;

TEST_CASE("lockdown matters when it keeps the kernel confidential") {
  CHECK(judge_lockdown("").state == State::kOk);
  CHECK(judge_lockdown("[none] integrity confidentiality\n").value == "none");
  CHECK(judge_lockdown("none [integrity] confidentiality\n").state == State::kOk);
  const auto strict = judge_lockdown("none integrity [confidentiality]\n");
  CHECK(strict.state == State::kMissing);
  CHECK(strict.meaning.find("lockdown=confidentiality") != std::string::npos);
  for (const char* damaged : {"[", "]", "][", "[]", "x"})
    CHECK(judge_lockdown(damaged).state == State::kOk);
}

TEST_CASE("a container is told by its namespaces and its filter") {
  CHECK(judge_container("Name:\toc\nSeccomp:\t0\n", true, true).value == "none");
  const auto filtered = judge_container("Name:\toc\nSeccomp:\t2\n", true, true);
  CHECK(filtered.value == "a seccomp filter");
  CHECK(filtered.state == State::kOk);
  const auto pids = judge_container("", false, true);
  CHECK(pids.state == State::kLimited);
  CHECK(pids.fix.find("--pid=host") != std::string::npos);
  CHECK(judge_container("", true, false).state == State::kLimited);
}

TEST_CASE(
    "every finding has a name of its own and a value, and says what is wrong when it is not ok") {
  std::set<std::string> names;
  for (const Finding& finding : examine_system(load_permissions())) {
    INFO(finding.name);
    CHECK(names.insert(finding.name).second);
    CHECK(!finding.value.empty());
    CHECK((finding.state == State::kOk) == finding.meaning.empty());
    CHECK((finding.state != State::kOk || finding.fix.empty()));
    CHECK(finding.fix.find('\n') == std::string::npos);
  }
  CHECK(names.count("tracefs") == 1);
}

TEST_CASE("a process without capabilities is told what it lacks") {
  Permissions nothing;
  nothing.euid = 1234;
  for (const Finding& finding : examine_system(nothing)) {
    if (finding.name == "user") CHECK(finding.value.find("uid 1234, no capability") == 0);
  }
}
