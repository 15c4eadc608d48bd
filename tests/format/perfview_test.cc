#include "format/exported_world.h"
#include "support/exported.h"
#include "support/sample_maker.h"

using namespace oc;
using namespace oc::machine;
using test::has;

TEST_CASE("perfview: process and thread are the outermost frames, and names are interned") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cpu-clock", 1'500'000, 1, 7, 8, "worker",
            maker.stack({"main", "malloc@/lib/libc.so.6"}));
  maker.add("cpu-clock", 2'000'001, 2.5, 7, 8, "worker",
            maker.stack({"main", "free@/lib/libc.so.6"}));
  const std::string xml = test::exported(machine, "perfview");
  CHECK(has(xml,
            "<Frames Count=\"5\">\n<Frame ID=\"0\">Process64 worker (7)</Frame>\n"
            "<Frame ID=\"1\">Thread (8) (worker)</Frame>\n<Frame ID=\"2\">/bin/prog!main</Frame>\n"
            "<Frame ID=\"3\">/lib/libc.so.6!malloc</Frame>\n"));
  CHECK(has(xml,
            "<Stack ID=\"0\" CallerID=\"-1\" FrameID=\"0\"/>\n<Stack ID=\"1\" CallerID=\"0\" "
            "FrameID=\"1\"/>\n"));
  CHECK(has(xml, "<Sample ID=\"0\" Time=\"1.500000\" StackID=\"3\"/>\n"));
  CHECK(has(xml, "<Sample ID=\"1\" Time=\"2.000001\" StackID=\"4\" Metric=\"2.5\"/>\n"));
  test::Wanted wanted;
  wanted.values = false;
  CHECK_FALSE(has(test::exported(machine, "perfview", wanted), "Metric"));
}

TEST_CASE("perfview: samples of several kinds say which, at the innermost frame") {
  Machine machine;
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main"});
  maker.add("cpu-clock", 1, 1, 1, 1, "a", stack);
  maker.add("page-faults", 2, 1, 1, 1, "a", stack);
  const std::string xml = test::exported(machine, "perfview");
  CHECK(has(xml, ">Event cpu-clock</Frame>"));
  CHECK(has(xml, ">Event page-faults</Frame>"));
}

TEST_CASE("perfview: every frame has a text that a reader keeps") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cpu-clock", 1, 1, 1, 1, " ", maker.stack({" @ ", "@/lib/x.so"}));
  const std::string xml = test::exported(machine, "perfview");
  CHECK_FALSE(has(xml, "\"></Frame>"));
  CHECK_FALSE(has(xml, "\"> </Frame>"));
  CHECK(has(xml, ">/lib/x.so!?</Frame>"));  // nobody knows the function
  const std::string hostile = test::exported("hostile", "perfview");
  for (const char c : hostile) REQUIRE((c == '\n' || static_cast<uint8_t>(c) >= 0x20));
  CHECK_FALSE(has(hostile, "<b a"));
  CHECK(hostile == test::exported("hostile", "perfview"));
}

TEST_CASE("perfview: an empty machine makes a file, and the archive begins and ends as one") {
  CHECK(has(test::exported("empty", "perfview"), "<Samples Count=\"0\">\n</Samples>"));
  const std::string zip = test::exported("web", "perfview-zip");
  CHECK(zip.starts_with("PK\x03\x04"));
  CHECK(zip.find("stacks.PerfView.xml") == 30);
  CHECK(zip.substr(zip.size() - 22, 4) == "PK\x05\x06");
  CHECK(zip == test::exported("web", "perfview-zip"));
}
