#include "perf/refusals.h"

#include <catch2/catch.hpp>
#include <cerrno>

using oc::base::system_error;
using oc::perf::Refusals;

TEST_CASE("events that were left out for one reason are one note") {
  Refusals refusals;
  for (const char* name : {"a", "b"}) refusals.add(name, true, system_error(EINVAL, "cannot open"));
  refusals.add("c", true, system_error(EACCES, "cannot open"));
  std::vector<std::string> notes;
  refusals.append_notes(notes);
  REQUIRE(notes.size() == 2);
  CHECK((notes[0] + notes[1]).find("left out 2 events, 'a', 'b': cannot open: Invalid") !=
        std::string::npos);
  CHECK(refusals.status());
  CHECK(!refusals.first());
}

TEST_CASE("the events that a run needs are one error, with all their names") {
  Refusals refusals;
  CHECK(refusals.status());
  CHECK(refusals.first());
  refusals.add("a", false, system_error(EACCES, "cannot open event 'a'", "as root"));
  CHECK(refusals.status().error().what.find("neither") == std::string::npos);
  for (int i = 0; i < 12; ++i)
    refusals.add("b" + std::to_string(i), false, system_error(EACCES, "x"));
  const auto error = refusals.status().error();
  CHECK(error.what.find("cannot open event 'a': Permission denied; neither 'b0', 'b1'") == 0);
  CHECK(error.what.find("and 4 more") != std::string::npos);
  CHECK(error.hint == "as root");
}
