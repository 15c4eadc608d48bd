#include "format/exported_world.h"
#include "format/span_tracks.h"
#include "support/sample_maker.h"

using namespace oc;
using machine::Machine;
using test::count_of;
using test::exported;
using test::has;

namespace {

machine::SpanId add(Machine& machine, int64_t start, int64_t end, int32_t tid) {
  machine::Span span;
  span.start = start;
  span.end = end;
  span.name = machine.texts.intern("span");
  span.context =
      machine.processes.context(machine.processes.thread(1, tid), machine.texts.intern("a"));
  return machine.spans.add(span);
}

}  // namespace

TEST_CASE("spans of a thread nest, and those that overlap are told apart") {
  Machine machine;
  add(machine, 0, 100, 1);
  add(machine, 10, 20, 1);
  add(machine, 10, 30, 1);  // around the one before it
  add(machine, 50, 150, 1);
  add(machine, 20, 20, 1);
  add(machine, 100, 120, 1);
  add(machine, 10, 200, 2);
  const auto selection = machine::Selection::make(machine, {});
  REQUIRE(selection);
  std::vector<std::pair<uint32_t, bool>> found;
  for (const auto& track : format::nest_spans(*selection))
    found.emplace_back(track.span.value, track.is_nested);
  CHECK(found == std::vector<std::pair<uint32_t, bool>>{
                     {1, true}, {3, true}, {2, true}, {5, true}, {4, false}, {6, true}, {7, true}});
}

TEST_CASE("a Chrome trace has names, nested spans, spans that overlap, stacks and samples") {
  const std::string json = exported("web", "chrome");
  CHECK(
      has(json,
          R"({"ph":"M","ts":0,"name":"process_name","pid":100,"tid":100,"args":{"name":"web"}})"));
  CHECK(has(json,
            R"({"ph":"M","ts":0,"name":"thread_name","pid":200,"tid":200,"args":{"name":"db"}})"));
  CHECK(has(
      json,
      R"({"ph":"X","name":"parse","cat":"request","pid":100,"tid":100,"args":{"span":2,"parent":1,"cpu":1,)"
      R"("path":"/index.html"},"ts":2000.000,"dur":2000.000})"));
  CHECK(count_of(json, "\"ph\":\"X\"") == 2);
  CHECK(has(json, R"({"ph":"b","name":"across")"));
  CHECK(has(json, R"({"ph":"e","name":"across")"));
  CHECK(count_of(json, "\"sf\":") == 40);
  CHECK(has(json,
            R"({"name":"cycles","cpu":0,"pid":100,"tid":100,"ts":0.000,"sf":4,"weight":1000})"));
  CHECK(has(json, R"("4":{"category":"[kernel.kallsyms]","name":"vfs_read","parent":3})"));
  CHECK(has(json, R"("note 1":"17 records were lost: 17 cycles")"));
}

TEST_CASE("values without stacks are counters where they are numbers, moments otherwise") {
  Machine machine;
  test::SampleMaker maker(machine);
  machine.kind("load", machine::ValueType::kNumber);
  maker.add("load", 1500, 0.5, 1, 1, "a", 0);
  maker.add("load", -1, 2, 1, 1, "a", 0);
  maker.add("switch", 2000, 1, 1, 1, "a", 0, 3);
  const std::string json = exported(machine, "chrome");
  CHECK(has(json, R"({"ph":"C","name":"load","pid":1,"tid":1,"ts":1.500,"args":{"value":0.5}})"));
  CHECK(has(json, R"("ts":-0.001,"args":{"value":2}})"));
  CHECK(has(
      json,
      R"({"ph":"i","s":"t","name":"switch","pid":1,"tid":1,"ts":2.000,"args":{"value":1,"cpu":3}})"));
  CHECK(count_of(json, "\"sf\":") == 0);
}

TEST_CASE("samples of a Chrome trace are in order of time, and of a filter") {
  Machine machine;
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  for (const int64_t time : {3000, 1000, 2000}) maker.add("cycles", time, 1, 1, 1, "a", stack);
  const std::string json = exported(machine, "chrome");
  CHECK(json.find("\"ts\":1.000") < json.find("\"ts\":2.000"));
  CHECK(json.find("\"ts\":2.000") < json.find("\"ts\":3.000"));
  machine::Filter middle;
  middle.from = 1500;
  middle.until = 2500;
  CHECK(count_of(exported(machine, "chrome", {middle, "", true, true}), "\"sf\":") == 1);
}

TEST_CASE("a Chrome trace of nothing has an event, as readers want") {
  CHECK(count_of(exported("empty", "chrome"), "\"ph\":\"M\"") == 1);
}

TEST_CASE("the same machine gives the same Chrome trace") {
  CHECK(exported("hostile", "chrome") == exported("hostile", "chrome"));
}
