#include "format/exported_world.h"
#include "support/exported.h"
#include "support/sample_maker.h"
#include "support/traced_machine.h"

using namespace oc;
using namespace oc::machine;
using test::has;

TEST_CASE("firefox: samples are of the processor's time, other kinds are markers with a stack") {
  Machine machine;
  machine.kind("cpu-clock", ValueType::kDuration, "cpu");
  machine.kind("page-faults");
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main", "touch"});
  maker.add("page-faults", 500'000, 1, 7, 7, "a", stack);
  maker.add("page-faults", 600'000, 1, 7, 7, "a", stack);
  maker.add("cpu-clock", 1'000'000, 250'000, 7, 7, "a", stack);
  const std::string json = test::exported(machine, "firefox");
  CHECK(has(json,
            "\"samples\":{\"length\":1,\"weightType\":\"tracing-ms\",\"stack\":[1],\"time\":[1],"
            "\"weight\":[0.25]}"));
  CHECK(has(json,
            "\"markers\":{\"length\":2,\"data\":[{\"type\":\"event page-faults\",\"value\":1,"
            "\"cause\":{\"time\":0.5,\"stack\":1}}"));
  CHECK(has(json, "\"prefix\":[null,0],\"frame\":[0,1]"));
  CHECK(has(json, "{\"name\":\"event page-faults\",\"display\":"));
}

TEST_CASE("firefox: a pid that is used again is another process") {
  Machine machine;
  machine.processes.found(1, 100, 100, "first");
  test::SampleMaker maker(machine);
  maker.add("cycles", 10, 1, 100, 100, "first", maker.stack({"main"}));
  machine.processes.exit(20, 1, 100, 100);
  machine.processes.fork(30, 2, 100, 100, 1, "second");
  maker.add("cycles", 40, 1, 100, 100, "second", maker.stack({"main"}));
  const std::string json = test::exported(machine, "firefox");
  CHECK(has(json, "\"name\":\"first\",\"processName\":\"first\",\"pid\":\"100\",\"tid\":\"100\""));
  CHECK(has(json,
            "\"name\":\"second\",\"processName\":\"second\",\"pid\":\"100.1\",\"tid\":\"100.1\""));
}

TEST_CASE("firefox: libraries are known by their build ids") {
  test::TracedMachine traced;
  const auto libc = traced.file(
      "/lib/libc.so.6", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0xab, 0xcd});
  traced.add_sample(100, 5,
                    {traced.frame_at(libc, 0x1234, "malloc", 0x34),
                     traced.frame_at(libc, 0x5000, "qsort", 0, true)});
  const std::string json = test::exported(traced.machine, "firefox");
  CHECK(
      has(json, "\"name\":\"libc.so.6\",\"path\":\"/lib/libc.so.6\",\"debugName\":\"libc.so.6\""));
  CHECK(has(json,
            "\"breakpadId\":\"040302010605080709"
            "0A0B0C0D0E0F100\""));
  CHECK(has(json, "\"codeId\":\"0102030405060708090a0b0c0d0e0f10abcd\""));
  CHECK(has(json, "\"address\":[20479,4660]"));  // of the caller the byte before its return address
  // As it was linked, from where the image begins.
  traced.set_segment({0x402000, 0x1000, 0x400000, 0x9000});
  CHECK(has(test::exported(traced.machine, "firefox"), "\"address\":[24575,8756]"));
}

TEST_CASE("firefox: inlined functions are frames of one address, one deeper each") {
  Machine machine;
  const OwnFrame lines[] = {{"inner", "/bin/prog", "a.h", 3, 0, false},
                            {"outer", "/bin/prog", "a.cc", 9, 0, false}};
  const uint32_t frame = machine.places.add(lines);
  test::SampleMaker maker(machine);
  maker.add("cycles", 1, 1, 1, 1, "prog", machine.add_stack({&frame, 1}));
  const std::string json = test::exported(machine, "firefox");
  CHECK(has(json, "\"inlineDepth\":[0,1]"));
  CHECK(has(json, "\"line\":[9,3]"));
  test::Wanted wanted;
  wanted.inlined = false;
  CHECK(has(test::exported(machine, "firefox", wanted), "\"inlineDepth\":[0],"));
}

TEST_CASE("firefox: an empty machine has one thread, and the same machine gives the same bytes") {
  CHECK(test::count_of(test::exported("empty", "firefox"), "\"processType\":\"default\"") == 1);
  for (const char* world : {"one", "web", "hostile"}) {
    CHECK(test::exported(world, "firefox") == test::exported(world, "firefox"));
  }
}
