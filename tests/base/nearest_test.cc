#include "base/nearest.h"

#include <catch2/catch.hpp>

using oc::base::did_you_mean;
using oc::base::edit_distance;
using oc::base::nearest;

TEST_CASE("each kind of typing mistake is one edit") {
  CHECK(edit_distance("switch", "switch", 4) == 0);
  CHECK(edit_distance("swich", "switch", 4) == 1);
  CHECK(edit_distance("switcch", "switch", 4) == 1);
  CHECK(edit_distance("swotch", "switch", 4) == 1);
  CHECK(edit_distance("siwtch", "switch", 4) == 1);
  CHECK(edit_distance("SWITCH", "switch", 4) == 0);
  CHECK(edit_distance("", "ab", 4) == 2);
  CHECK(edit_distance("ab", "", 4) == 2);
  CHECK(edit_distance("ca", "abc", 4) == 3);
  CHECK(edit_distance("kitten", "sitting", 4) == 3);
}

TEST_CASE("beyond the limit nothing is counted") {
  CHECK(edit_distance("abcdef", "uvwxyz", 2) == 3);
  CHECK(edit_distance("a", "abcdef", 2) == 3);
  CHECK(edit_distance(std::string(1000, 'a'), std::string(1000, 'a'), 2) == 3);
}

TEST_CASE("the nearest names come first and are few") {
  const std::vector<std::string> names = {"sched:sched_waking", "sched:sched_wakeup",
                                          "sched:sched_switch", "irq:softirq_entry"};
  CHECK(nearest("sched:sched_swich", names) == std::vector<std::string>{"sched:sched_switch"});
  CHECK(nearest("sched:sched_wakeng", names) ==
        std::vector<std::string>{"sched:sched_waking", "sched:sched_wakeup"});
  CHECK(nearest("block:block_rq_issue", names).empty());
  const std::vector<std::string> many = {"a4", "a3", "a2", "a1", "b"};
  CHECK(nearest("a", many) == std::vector<std::string>{"a1", "a2", "a3"});
  CHECK(nearest("", many) == std::vector<std::string>{"b"});
}

TEST_CASE("suggestions read as a question") {
  CHECK(did_you_mean({}).empty());
  CHECK(did_you_mean({"a"}) == "did you mean a?");
  CHECK(did_you_mean({"a", "b"}) == "did you mean a or b?");
  CHECK(did_you_mean({"a", "b", "c"}) == "did you mean a, b or c?");
}
