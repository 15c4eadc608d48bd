#include "source/record.h"

#include <catch2/catch.hpp>

#include "support/record_writer.h"

using namespace oc::test;
using oc::event::EventTable;
using oc::source::record_header;
using oc::source::RecordClock;

namespace {

constexpr uint32_t kUnknown = EventTable::kUnknown;

/// Time of the only record in `w`, whose bytes lie in an allocation of their own.
uint64_t time_of(const EventTable& table, const RecordWriter& w) {
  const ByteVector exact(w.bytes);
  return RecordClock(table).time(exact.data(), record_header(exact.data()));
}

}  // namespace

TEST_CASE("the time of a sample is found wherever its attr puts it") {
  for (const uint64_t more : {uint64_t{0}, uint64_t{PERF_SAMPLE_IP}, uint64_t{PERF_SAMPLE_ADDR},
                              uint64_t{PERF_SAMPLE_IP | PERF_SAMPLE_RAW}}) {
    const auto table = make_table({{plain_attr(more), {}}});
    CHECK(time_of(table, RecordWriter(plain_attr(more)).sample({.time = 42})) == 42);
  }
}

TEST_CASE("samples of attrs with different layouts are told apart by their id") {
  const auto a = plain_attr(), b = plain_attr(PERF_SAMPLE_IP);
  const auto table = make_table({{a, {5, 6}}, {b, {7}}});
  const RecordClock clock(table);
  const auto one = RecordWriter(a).sample({.time = 1, .id = 6});
  const auto two = RecordWriter(b).sample({.time = 2, .id = 7});
  const auto none = RecordWriter(a).sample({.time = 3, .id = 99});
  CHECK(clock.kind_of_sample(one.bytes.data(), 40) == 0);
  CHECK(clock.kind_of_sample(two.bytes.data(), 48) == 1);
  CHECK(clock.kind_of_sample(none.bytes.data(), 40) == kUnknown);
  CHECK(time_of(table, one) == 1);
  CHECK(time_of(table, two) == 2);
  CHECK(time_of(table, none) == 0);
}

TEST_CASE("ids that lie far apart or are the largest number are found") {
  const auto attr = plain_attr();
  const auto table = make_table({{attr, {1, UINT64_MAX}}, {attr, {1ull << 40, 0}}});
  CHECK(table.find(1) == 0);
  CHECK(table.find(UINT64_MAX) == 0);
  CHECK(table.find(1ull << 40) == 1);
  CHECK(table.find(0) == 1);
  CHECK(table.find(2) == kUnknown);
}

TEST_CASE("ids close together leave holes unknown") {
  const auto attr = plain_attr();
  const auto table = make_table({{attr, {100, 102}}, {attr, {104}}});
  CHECK(table.find(102) == 0);
  CHECK(table.find(104) == 1);
  for (const uint64_t id : {0ull, 99ull, 101ull, 103ull, 105ull, ~0ull})
    CHECK(table.find(id) == kUnknown);
}

TEST_CASE("without IDENTIFIER the place of SAMPLE_ID counts") {
  auto attr = plain_attr(PERF_SAMPLE_ID | PERF_SAMPLE_IP);
  attr.sample_type &= ~static_cast<uint64_t>(PERF_SAMPLE_IDENTIFIER);
  const auto table = make_table({{attr, {5}}, {attr, {6}}});
  const RecordClock clock(table);
  const auto sample = RecordWriter(attr).sample({.time = 9, .id = 6});
  CHECK(clock.kind_of_sample(sample.bytes.data(), record_header(sample.bytes.data()).size_bytes) ==
        1);
  const auto comm = RecordWriter(attr).comm({.time = 8, .id = 6}, 1, 1, "sh");
  CHECK(clock.kind_of_trailer(comm.bytes.data(), record_header(comm.bytes.data()).size_bytes) == 1);
  CHECK(time_of(table, comm) == 8);
}

TEST_CASE("a sample too short for its layout belongs to no kind, at every length") {
  const auto attr = plain_attr(PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD);
  const auto table = make_table({{attr, {1}}, {attr, {2}}});
  const RecordClock clock(table);
  const auto whole = RecordWriter(attr).sample({.time = 7, .id = 2}).bytes;
  for (size_t size = 8; size < whole.size(); ++size) {
    ByteVector cut(whole.begin(), whole.begin() + static_cast<long>(size));
    cut.shrink_to_fit();
    poke(cut, 6, static_cast<uint16_t>(size));
    CHECK(clock.kind_of_sample(cut.data(), static_cast<uint32_t>(size)) == kUnknown);
    (void)clock.time(cut.data(), record_header(cut.data()));
  }
  CHECK(clock.kind_of_sample(whole.data(), static_cast<uint32_t>(whole.size())) == 1);
}

TEST_CASE("a record too short for a trailer has no time, at every length") {
  const auto attr = plain_attr();
  const auto table = make_table({{attr, {1}}, {attr, {2}}});
  const RecordClock clock(table);
  for (uint16_t size = 8; size < 40; ++size) {
    ByteVector record(size, 0xff);
    poke(record, 0, perf_event_header{PERF_RECORD_COMM, 0, size});
    CHECK(clock.kind_of_trailer(record.data(), size) == kUnknown);
    CHECK(clock.time(record.data(), record_header(record.data())) == 0);
  }
}

TEST_CASE("records without a time are untimed: no sample_id_all, no TIME, all bits set") {
  auto attr = plain_attr();
  const auto table = make_table({{attr, {}}});
  CHECK(time_of(table, RecordWriter(attr).sample({.time = ~0ull})) == 0);
  CHECK(time_of(table, RecordWriter(attr).comm({.time = ~0ull}, 1, 1, "sh")) == 0);
  attr.sample_id_all = 0;
  CHECK(time_of(make_table({{attr, {}}}), RecordWriter(attr).comm({.time = 5}, 1, 1, "sh")) == 0);
  attr = plain_attr();
  attr.sample_type &= ~static_cast<uint64_t>(PERF_SAMPLE_TIME);
  const auto timeless = make_table({{attr, {}}});
  CHECK(time_of(timeless, RecordWriter(attr).sample({.time = 5})) == 0);
  CHECK(time_of(timeless, RecordWriter(attr).comm({.time = 5}, 1, 1, "sh")) == 0);
}

TEST_CASE("a trailer whose id nobody knows is that of the first attr, as in perf") {
  const auto table = make_table({{plain_attr(), {5}}, {plain_attr(), {6}}});
  CHECK(time_of(table, RecordWriter(plain_attr()).comm({.time = 5, .id = 0}, 1, 1, "sh")) == 5);
}

TEST_CASE("a table without kinds knows no record") {
  const auto table = make_table({});
  CHECK(time_of(table, RecordWriter(plain_attr()).sample({.time = 5})) == 0);
  CHECK(time_of(table, RecordWriter(plain_attr()).comm({.time = 5}, 1, 1, "sh")) == 0);
}
