// What a file says of itself in its feature sections: facts, names, formats.

#include "source/perf_data_file.h"

#include <catch2/catch.hpp>
#include <string>

#include "support/perf_data_writer.h"
#include "support/record_writer.h"

using namespace oc::test;
using oc::source::PerfDataFile;

namespace {

PerfDataFile open_features(const ByteVector& bytes) {
  const TempFile file(bytes);  // stays mapped when its name is gone
  auto opened = PerfDataFile::open(file.path());
  if (!opened) FAIL(opened.error().what);
  return std::move(*opened);
}

bool has_feature_note(const PerfDataFile& file, const char* part) {
  for (const std::string& note : file.notes())
    if (note.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a file's records, events and facts are found") {
  auto w = small_file();
  w.feature(3, perf_string("host")).feature(4, perf_string("6.1")).feature(5, perf_string("7.2"));
  w.feature(6, perf_string("x86_64")).feature(8, perf_string("a cpu"));
  w.feature(7, ByteWriter().u32(4).u32(3).bytes);
  w.feature(10, ByteWriter().u64(2).bytes);
  w.feature(11, ByteWriter().u32(2).add(perf_string("perf")).add(perf_string("record")).bytes);
  w.feature(21, ByteWriter().u64(1).u64(3).bytes);
  w.feature(12, event_description(w.attrs, {"my-event:u"}));
  const auto file = open_features(w.bytes());
  CHECK(file.notes().empty());
  CHECK_FALSE(file.is_truncated());
  CHECK(file.records().size() == w.records.size());
  CHECK(file.records_offset() == 104 + 152 + 8);
  REQUIRE(file.events().size() == 1);
  CHECK(file.events()[0].name == "my-event:u");
  const auto& facts = file.facts();
  CHECK(facts.host == "host");
  CHECK(facts.kernel == "6.1");
  CHECK(facts.perf_version == "7.2");
  CHECK(facts.arch == "x86_64");
  CHECK(facts.cpu == "a cpu");
  CHECK(facts.cpus_online == 3);
  CHECK(facts.cpus_available == 4);
  CHECK(facts.memory_bytes == 2048);
  CHECK(facts.command == std::vector<std::string>{"perf", "record"});
  CHECK(facts.first_sample == 1);
  CHECK(facts.last_sample == 3);
}

TEST_CASE("damaged feature sections cost names, not records") {
  auto w = small_file();
  w.feature(3, perf_string("host"));
  auto description = event_description(w.attrs, {"named"});
  SECTION("a table that points outside the file") {
    auto bytes = w.bytes();
    poke<uint64_t>(bytes, 104 + 152 + 8 + w.records.size(), 1ull << 50);
    const auto file = open_features(bytes);
    CHECK(has_feature_note(file, "feature section 3"));
    CHECK(file.records().size() == w.records.size());
  }
  SECTION("names cut at any byte") {
    for (size_t size = 1; size < description.size(); ++size) {
      w.feature(12, ByteVector(description.begin(), description.begin() + static_cast<long>(size)));
      const auto file = open_features(w.bytes());
      CHECK(has_feature_note(file, "event names"));
      CHECK_FALSE(file.events()[0].name.empty());
    }
  }
  SECTION("counts that nobody could hold") {
    poke<uint32_t>(description, 0, UINT32_MAX);
    CHECK(has_feature_note(open_features(w.feature(12, description).bytes()), "event names"));
    poke<uint32_t>(description, 4, UINT32_MAX);
    CHECK(has_feature_note(open_features(w.feature(12, description).bytes()), "event names"));
    w.feature(11, ByteWriter().u32(UINT32_MAX).u32(UINT32_MAX).bytes);
    CHECK(open_features(w.bytes()).facts().command.size() <= 1);
    w.feature(3, ByteWriter().u32(UINT32_MAX).text("host").bytes);
    CHECK(open_features(w.bytes()).facts().host.empty());
  }
  SECTION("a feature of 0 to 3 bytes") {
    for (size_t size = 0; size < 4; ++size) {
      for (const int number : {1, 3, 7, 11, 12, 21}) w.feature(number, ByteVector(size));
      CHECK(open_features(w.bytes()).records().size() == w.records.size());
    }
  }
}

TEST_CASE("a long name of many ids is held once") {
  // 1 MB of name and 100,000 ids: a copy for each id would take 100 GB.
  const std::string name(1 << 20, 'n');
  auto w = small_file();
  w.attrs[0].ids.resize(100'000);
  for (size_t i = 0; i < w.attrs[0].ids.size(); ++i) w.attrs[0].ids[i] = i + 1;
  w.feature(12, event_description(w.attrs, {name}));
  CHECK(open_features(w.bytes()).events()[0].name == name);
}

TEST_CASE(
    "an event is named by its id, then by its place, then by its tracepoint, then by its type") {
  auto switch_attr = tracepoint_attr(7);
  oc::test::PerfDataWriter w;
  w.add(switch_attr, {10, 11}).add(plain_attr(), {12});
  w.records = three_records();
  SECTION("by id, whatever the order") {
    w.feature(12, event_description({w.attrs[1], w.attrs[0]}, {"second", "first"}));
    const auto file = open_features(w.bytes());
    CHECK(file.events()[0].name == "first");
    CHECK(file.events()[1].name == "second");
  }
  SECTION("by place, when there are no ids") {
    w.attrs[0].ids = w.attrs[1].ids = {};
    w.feature(12, event_description(w.attrs, {"first", "second"}));
    const auto file = open_features(w.bytes());
    CHECK(file.events()[0].name == "first");
    CHECK(file.events()[1].name == "second");
  }
  SECTION("by the tracepoint's format") {
    w.feature(1, tracing_data({format_text("thing", 7)}));
    const auto file = open_features(w.bytes());
    CHECK(file.events()[0].name == "sys:thing");
    REQUIRE(file.events()[0].format);
    CHECK(file.events()[0].format->find("value") != nullptr);
    CHECK(file.events()[1].name == "cpu-clock:HG");
    CHECK_FALSE(file.events()[1].format);
  }
  SECTION("by type") { CHECK(open_features(w.bytes()).events()[0].name == "tracepoint 7"); }
}

TEST_CASE("a tracepoint recorded without its raw data has a name and no fields") {
  auto attr = tracepoint_attr(7);
  attr.sample_type &= ~static_cast<uint64_t>(PERF_SAMPLE_RAW);
  oc::test::PerfDataWriter w(attr, three_records());
  w.feature(1, tracing_data({format_text("thing", 7)}));
  const auto file = open_features(w.bytes());
  CHECK(file.events()[0].name == "sys:thing");
  CHECK_FALSE(file.events()[0].format);
}

TEST_CASE("tracing data that cannot be read leave a note") {
  auto w = oc::test::PerfDataWriter(tracepoint_attr(7), three_records());
  CHECK(has_feature_note(open_features(w.feature(1, ByteVector(40)).bytes()),
                         "tracepoints have no fields"));
  auto blob = tracing_data({format_text("thing", 7)});
  blob.resize(blob.size() / 2);
  CHECK(has_feature_note(open_features(w.feature(1, blob).bytes()), "damaged at offset"));
}

TEST_CASE("thousands of attrs of one huge format are not parsed without end") {
  std::string text = format_text("thing", 7);
  text.append(1 << 20, ' ');
  oc::test::PerfDataWriter w;
  for (int i = 0; i < 5000; ++i) w.add(tracepoint_attr(7), {});
  w.records = three_records();
  w.feature(1, tracing_data({text}));
  CHECK(has_feature_note(open_features(w.bytes()), "bytes of formats"));
}

TEST_CASE("one file of a threaded recording says that there are more") {
  const auto file = open_features(small_file().feature(24, ByteWriter().u64(1).bytes).bytes());
  CHECK(has_feature_note(file, "--threads"));
}

TEST_CASE("the wall clock is told by a pair of clock readings") {
  auto w = small_file();
  CHECK(open_features(w.bytes()).facts().wall_offset == 0);
  w.feature(29, ByteWriter().u32(1).u32(1).u64(1'700'000'000'000'000'500).u64(500).bytes);
  CHECK(open_features(w.bytes()).facts().wall_offset == 1'700'000'000'000'000'000);
  w.feature(29, ByteWriter().u32(1).u32(1).u64(7).bytes);  // cut off
  CHECK(open_features(w.bytes()).facts().wall_offset == 0);
}
