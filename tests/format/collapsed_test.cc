#include <catch2/catch.hpp>

#include "support/exported.h"
#include "support/sample_maker.h"

using namespace oc;

TEST_CASE("collapsed stacks are a line for each stack of a thread's name, with its weight") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto work = maker.stack({"main", "work"});
  maker.add("cycles", 1, 3, 1, 1, "a", work);
  maker.add("cycles", 2, 4.6, 1, 2, "a", work);
  maker.add("cycles", 3, 5, 1, 2, "b", work);
  maker.add("cycles", 4, 1, 1, 1, "a", 0);
  CHECK(test::exported(machine, "collapsed") == "a;main;work 8\nb;main;work 5\na 1\n");
  CHECK(test::exported(machine, "collapsed", {{}, "", true, false}) ==
        "a;main;work 2\nb;main;work 1\na 1\n");
  machine::Filter filter;
  filter.comms = {"b"};
  CHECK(test::exported(machine, "collapsed", {filter, "", true, true}) == "b;main;work 5\n");
}

TEST_CASE("collapsed stacks that read the same are one line, wherever in the functions they are") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cycles", 1, 1, 1, 1, "a", maker.stack({"main", "work"}));
  maker.add("cycles", 2, 2, 1, 1, "a", maker.stack({"main"}));
  maker.add("cycles", 3, 4, 1, 1, "a", maker.stack({"main", "work@/lib/other.so"}));
  maker.add("cycles", 4, 8, 1, 1, "b", maker.stack({"main", "work"}));
  maker.add("cycles", 5, 16, 1, 1, "a", maker.stack({"work", "main"}));
  CHECK(test::exported(machine, "collapsed") ==
        "a;main;work 5\na;main 2\nb;main;work 8\na;work;main 16\n");
}

TEST_CASE("samples of a rate are counted, and what is measured has its values") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto work = maker.stack({"main"});
  maker.add("clock", 1, 1'000'000, 1, 1, "a", work);
  maker.add("clock", 2, 1'000'000, 1, 1, "a", work);
  CHECK(test::exported(machine, "collapsed") == "a;main 2000000\n");
  machine.kind(machine.find_kind("clock")).is_sampled = true;
  CHECK(test::exported(machine, "collapsed") == "a;main 2\n");
  machine.kind(machine.find_kind("clock")).counted = machine::Counted::kEntries;
  CHECK(test::exported(machine, "collapsed") == "a;main 2000000\n");
}

TEST_CASE("values of several kinds are not added up in collapsed stacks") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto work = maker.stack({"main"});
  maker.add("cycles", 1, 1000, 1, 1, "a", work);
  maker.add("faults", 2, 1, 1, 1, "a", work);
  CHECK(test::exported(machine, "collapsed") == "a;main 2\n");
}

TEST_CASE("collapsed stacks of no samples are no lines, and names never part frames or lines") {
  machine::Machine machine;
  CHECK(test::exported(machine, "collapsed").empty());
  test::SampleMaker maker(machine);
  machine::OwnFrame frame;
  frame.function = std::string_view("a;b\nc\0 \xff", 8);
  const uint32_t id = machine.places.add({&frame, 1});
  maker.add("x", 0, 1, 1, 1, "co;mm", machine.add_stack({&id, 1}));
  CHECK(test::exported(machine, "collapsed") == "co:mm;a:b c\xef\xbf\xbd \xef\xbf\xbd 1\n");
}

TEST_CASE("inlined functions are frames of their own, or not") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const std::array<machine::OwnFrame, 2> frames{
      machine::OwnFrame{"inner", "/bin/p", "a.h", 1, 0, false},
      {"outer", "/bin/p", "a.cc", 2, 0, false}};
  const uint32_t id = machine.places.add(frames);
  maker.add("x", 0, 1, 1, 1, "p", machine.add_stack({&id, 1}));
  CHECK(test::exported(machine, "collapsed") == "p;outer;inner 1\n");
  CHECK(test::exported(machine, "collapsed", {{}, "", false, true}) == "p;outer 1\n");
  maker.add("x", 1, 1, 1, 1, "p", maker.stack({"outer"}));
  CHECK(test::exported(machine, "collapsed") == "p;outer;inner 1\np;outer 1\n");
  CHECK(test::exported(machine, "collapsed", {{}, "", false, true}) == "p;outer 2\n");
}
