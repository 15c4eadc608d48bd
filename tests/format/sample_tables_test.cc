#include <array>
#include <catch2/catch.hpp>

#include "support/exported.h"
#include "support/sample_maker.h"

using namespace oc;

namespace {

/// Two samples, of which the later comes first.
void fill(machine::Machine& machine) {
  test::SampleMaker maker(machine);
  machine.kind("cpu-clock", machine::ValueType::kDuration, "cpu");
  const auto stack = maker.stack({"main", "a,b@/lib/x.so@x.c:7"});
  maker.add("cpu-clock", 20, 1'000'000, 10, 11, "a \"b\"", stack, 3);
  const std::array<machine::Attribute, 2> attributes{
      machine::Attribute{machine.texts.intern("url"), machine.texts.intern("/x,y"), 0, true},
      {machine.texts.intern("size"), {}, 0.5, false}};
  machine::Sample sample;
  sample.time = -5;
  sample.value = 2;
  sample.kind = machine.kind("request");
  sample.attributes = machine.attributes.intern(attributes);
  machine.add(sample);
}

}  // namespace

TEST_CASE("CSV has a row for each sample in order of time, and columns for all attributes") {
  machine::Machine machine;
  CHECK(test::exported(machine, "csv") ==
        "time,kind,value,unit,cpu,pid,tid,process,comm,symbol,module,offset,file,line,stack\n");
  fill(machine);
  CHECK(test::exported(machine, "csv") ==
        "time,kind,value,unit,cpu,pid,tid,process,comm,symbol,module,offset,file,line,stack,size,"
        "url\n"
        "-5,request,2,count,,,,,,,,,,,,0.5,\"/x,y\"\n"
        "20,cpu-clock,1000000,nanoseconds,3,10,11,\"a \"\"b\"\"\",\"a "
        "\"\"b\"\"\",\"a,b\",/lib/x.so,,x.c,7,"
        "\"main;a,b\",,\n");
}

TEST_CASE("JSON lines have an object for each sample, without what it does not have") {
  machine::Machine machine;
  CHECK(test::exported(machine, "jsonl").empty());
  fill(machine);
  CHECK(test::exported(machine, "jsonl") ==
        "{\"time\":-5,\"kind\":\"request\",\"value\":2,\"unit\":\"count\",\"stack\":[],"
        "\"attributes\":{\"size\":0.5,\"url\":\"/x,y\"}}\n"
        "{\"time\":20,\"kind\":\"cpu-clock\",\"value\":1000000,\"unit\":\"nanoseconds\",\"cpu\":3,"
        "\"pid\":10,"
        "\"tid\":11,\"process\":\"a \\\"b\\\"\",\"comm\":\"a "
        "\\\"b\\\"\",\"symbol\":\"a,b\",\"module\":\"/lib/x.so\",\"file\":\"x.c\",\"line\":7,"
        "\"stack\":[\"main\",\"a,b\"]}\n");
}

TEST_CASE("a table counts samples where values are not asked for, and can be given up") {
  machine::Machine machine;
  fill(machine);
  const std::string csv = test::exported(machine, "csv", {{}, "", true, false});
  CHECK(csv.find("20,cpu-clock,1,count,") != std::string::npos);
  test::SampleMaker maker(machine);
  for (int i = 0; i < 5000; ++i) maker.add("cpu-clock", i, 1, 1, 1, "x", 0);
  const auto selection = machine::Selection::make(machine, {});
  for (const auto* name : {"csv", "jsonl", "pprof", "collapsed", "speedscope"}) {
    std::string bytes;
    const auto out = format::Output::into(bytes);
    const format::Export what{machine, *selection, "", true, true, [](double) { return false; }};
    INFO(name);
    CHECK_FALSE(format::find_exporter(name)->write(what, *out));
  }
}
