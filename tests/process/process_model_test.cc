#include "process/process_model.h"

#include <catch2/catch.hpp>
#include <string>

using oc::base::Interner;
using oc::process::ProcessModel;

TEST_CASE("a thread that nobody named is shown by its tid, tid 0 is swapper") {
  Interner names;
  ProcessModel model(names);
  CHECK(names.text(model.find_or_add(7, 8).comm) == ":8");
  CHECK(names.text(model.find_or_add(0, 0).comm) == "swapper");
}

TEST_CASE("a child has its parent's name until it gets its own") {
  Interner names;
  ProcessModel model(names);
  model.comm(10, 10, "sh");
  model.fork(11, 11, 10, 10);
  CHECK(names.text(model.find_or_add(11, 11).comm) == "sh");
  model.comm(11, 11, "dd");
  CHECK(names.text(model.find_or_add(11, 11).comm) == "dd");
  CHECK(names.text(model.find_or_add(10, 10).comm) == "sh");
}

TEST_CASE("the child of an unnamed parent is unnamed") {
  Interner names;
  ProcessModel model(names);
  model.fork(11, 11, 10, 10);
  CHECK(names.text(model.find_or_add(11, 11).comm) == ":11");
}

TEST_CASE("tid 0 keeps its name, whatever records of threads outside of the namespace say") {
  Interner names;
  ProcessModel model(names);
  model.name_idle("(outside)");
  model.comm(0, 0, "oc");
  model.fork(0, 0, 5, 5);
  CHECK(names.text(model.find_or_add(0, 0).comm) == "(outside)");
}

TEST_CASE("a reused tid is another thread") {
  Interner names;
  ProcessModel model(names);
  model.comm(10, 10, "sh");
  model.comm(12, 12, "old");
  const auto first = model.find_or_add(12, 12).id;
  CHECK(names.text(model.find_or_add(12, 12).comm) == "old");
  model.fork(12, 12, 10, 10);
  CHECK(model.find_or_add(12, 12).id != first);
  CHECK(names.text(model.find_or_add(12, 12).comm) == "sh");
}

TEST_CASE("the rundown never replaces what a record said") {
  Interner names;
  ProcessModel model(names);
  model.comm(20, 20, "live");
  model.rundown(20, 20, "scanned");
  model.rundown(21, 21, "scanned");
  CHECK(names.text(model.find_or_add(20, 20).comm) == "live");
  CHECK(names.text(model.find_or_add(21, 21).comm) == "scanned");
}
