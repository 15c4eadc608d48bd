#include <catch2/catch.hpp>

#include "support/exported.h"
#include "support/sample_maker.h"

using namespace oc;

namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a speedscope file without samples has no profiles") {
  machine::Machine machine;
  const std::string text = test::exported(machine, "speedscope", {{}, "nothing", true, true});
  CHECK(text ==
        "{\"$schema\":\"https://www.speedscope.app/"
        "file-format-schema.json\",\"exporter\":\"oc\",\"name\":\"nothing\","
        "\"shared\":{\"frames\":[\n]},\"profiles\":[\n]}\n");
}

TEST_CASE(
    "samples of a clock lie where they were taken, with what lies between as samples without "
    "frames") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  machine.kind("cpu-clock", machine::ValueType::kDuration, "cpu");
  const auto work = maker.stack({"main", "work@/lib/x.so"});
  maker.add("cpu-clock", 9000, 1000, 10, 11, "worker", work);
  maker.add("cpu-clock", 3000, 1000, 10, 11, "worker", work);
  maker.add("cpu-clock", 4000, 1000, 10, 11, "worker", maker.stack({"main"}));
  const std::string text = test::exported(machine, "speedscope");
  CHECK(holds(text, "{\"name\":\"work\",\"file\":\"/lib/x.so\"}"));
  CHECK(holds(
      text,
      "\"name\":\"worker (10) worker (11): "
      "cpu-clock\",\"unit\":\"nanoseconds\",\"startValue\":2000,"
      "\"endValue\":9000,\n\"samples\":[[0,1],[0],[],[0,1]],\n\"weights\":[1000,1000,4000,1000]}"));
}

TEST_CASE(
    "each thread and kind is a profile, in order of their ids, and the fullest one is shown "
    "first") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  const auto main = maker.stack({"main"});
  maker.add("cycles", 1, 5, 20, 21, "b", main);
  maker.add("cycles", 2, 7, 20, 21, "b", main);
  maker.add("cycles", 3, 3, 10, 10, "a", main);
  machine.kind("alloc", machine::ValueType::kBytes);
  maker.add("alloc", 4, 64, 10, 10, "a", main);
  const std::string text = test::exported(machine, "speedscope");
  const size_t first = text.find("a (10) a (10): cycles"),
               second = text.find("a (10) a (10): alloc");
  const size_t third = text.find("b (20) b (21): cycles");
  CHECK((first < second && second < third && third != std::string::npos));
  CHECK(holds(text, "\"activeProfileIndex\":2"));
  CHECK(holds(text, "\"unit\":\"bytes\",\"startValue\":0,\"endValue\":64"));
  CHECK(holds(text,
              "\"unit\":\"none\",\"startValue\":0,\"endValue\":12,\n\"samples\":[[0],[0]],"
              "\n\"weights\":[5,7]}"));
}

TEST_CASE("weights that are no numbers leave a sound file") {
  machine::Machine machine;
  test::SampleMaker maker(machine);
  machine.kind("t", machine::ValueType::kDuration);
  maker.add("t", 5, std::nan(""), 1, 1, "a", 0);
  maker.add("t", 6, -7, 1, 1, "a", 0);
  const std::string text = test::exported(machine, "speedscope");
  CHECK_FALSE(holds(text, "null"));
  CHECK_FALSE(holds(text, "nan,"));
}
