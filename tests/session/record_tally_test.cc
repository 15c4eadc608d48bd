#include "session/record_tally.h"

#include <catch2/catch.hpp>

#include "session/trace_file.h"
#include "support/record_writer.h"

using namespace oc::session;
using oc::test::ByteVector;

TEST_CASE("a tally counts by event, and knows what was lost and which files there are") {
  const auto attr = oc::test::plain_attr();
  const auto events = oc::test::make_table({{attr, {11}}, {attr, {21}}});
  oc::test::RecordWriter w(attr);
  w.sample({.time = 500, .id = 21}).sample({.time = 300, .id = 11}).sample({.time = 400, .id = 21});
  w.sample({.time = 10, .id = 99}).lost({.time = 600, .id = 11}, 11, 42);
  ByteVector body(72 + 8);
  body[32] = 20;
  for (uint8_t i = 0; i < 20; ++i) body[36 + i] = i;
  for (size_t i = 0; i < 5; ++i) body[64 + i] = static_cast<uint8_t>("/bin"[i]);
  w.kernel(PERF_RECORD_MMAP2, 2 | 1 << 14, body, {.time = 1, .id = 11});
  w.kernel(PERF_RECORD_MMAP2, 2 | 1 << 14, body, {.time = 2, .id = 11});
  w.kernel(PERF_RECORD_MMAP2, 2 | 1 << 14, ByteVector(8), {.time = 2, .id = 11});  // cut short
  RecordTally tally(events);
  oc::source::Span span;
  span.begin = w.bytes.data();
  span.end = w.bytes.data() + w.bytes.size();
  span.stream = 3;
  tally.add(span);
  CHECK(tally.records() == 8);
  CHECK(tally.samples() == 4);
  CHECK(tally.samples_by_event() == std::vector<uint64_t>{1, 2});
  CHECK(tally.first() == 300);
  CHECK(tally.last() == 500);
  CHECK(tally.lost_by_stream().at(3) == 42);
  REQUIRE(tally.build_ids().size() == 1);
  CHECK(tally.build_ids()[0].path == "/bin");
  CHECK(tally.build_ids()[0].id.size() == 20);
  RecordTally sum(events);
  sum.merge(tally);
  sum.merge(tally);
  CHECK(sum.samples() == 8);
  CHECK(sum.lost_by_stream().at(3) == 84);
}

TEST_CASE("several traces of one name are numbered before its ending") {
  CHECK(numbered_path("perf.data", 1) == "perf.0001.data");
  CHECK(numbered_path("/a.b/run", 12) == "/a.b/run.0012");
  CHECK(numbered_path("/a.b/.hidden", 3) == "/a.b/.hidden.0003");
  CHECK(numbered_path("x", 12345) == "x.12345");
}
