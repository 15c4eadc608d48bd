#include "source/file_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

#include "source/merger.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"

using namespace oc::test;
using namespace oc::source;

namespace {

using Times = std::vector<uint64_t>;

/// An opened file with its source.
struct Opened {
  explicit Opened(const ByteVector& bytes, const perf_event_attr& attr = plain_attr())
      : Opened(oc::test::PerfDataWriter(attr, bytes)) {}
  explicit Opened(const oc::test::PerfDataWriter& writer) {
    const TempFile temporary(writer.bytes());
    auto opened = PerfDataFile::open(temporary.path());
    if (!opened) FAIL(opened.error().what);
    file = std::make_unique<PerfDataFile>(std::move(*opened));
    source = std::make_unique<FileSource>(*file);
  }

  /// The times in the order of delivery, a list for each round.
  std::vector<Times> rounds() {
    const RecordClock clock(source->events());
    Merger merger(clock);
    std::vector<Times> all;
    Round round;
    for (bool is_last = false; !is_last;) {
      const auto status = source->next_round(std::chrono::milliseconds(0), round);
      REQUIRE(status);
      is_last = round.is_last;
      records += round.records;
      merger.add(round);
      Times times;
      merger.drain(
          is_last ? UINT64_MAX : round.horizon,
          [](const uint8_t*, const RecordHeader&) { return 0u; },
          [&](const uint8_t*, const RecordHeader&, uint64_t time, uint32_t) {
            times.push_back(time);
            return true;
          });
      all.push_back(std::move(times));
      REQUIRE(all.size() < 100'000);
    }
    return all;
  }
  Times times() {
    Times all;
    for (const Times& some : rounds()) all.insert(all.end(), some.begin(), some.end());
    return all;
  }
  std::string notes() const {
    std::string all;
    for (const std::string& note : source->notes()) all += note + "\n";
    return all;
  }

  std::unique_ptr<PerfDataFile> file;
  std::unique_ptr<FileSource> source;
  uint64_t records = 0;
};

RecordWriter samples(const Times& times) {
  RecordWriter w(plain_attr());
  for (const uint64_t time : times) w.sample({.time = time});
  return w;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("at the end of a round only what is not younger than the round before goes") {
  auto w = samples({10, 30});
  w.round().sample({.time = 20}).sample({.time = 40}).round();
  w.sample({.time = 35}).sample({.time = 50}).round().sample({.time = 60});
  const std::vector<Times> expected = {{}, {10, 20, 30}, {35, 40}, {50, 60}};
  CHECK(Opened(w.bytes).rounds() == expected);
}

TEST_CASE("a round whose records are all old does not lower the horizon") {
  auto w = samples({100});
  w.round().sample({.time = 5}).round().sample({.time = 6}).round().sample({.time = 7}).round();
  CHECK(Opened(w.bytes).rounds() == std::vector<Times>{{}, {5, 100}, {6}, {7}});
}

TEST_CASE("the last round delivers all, whether or not it ends in a marker") {
  auto w = samples({3, 1});
  CHECK(Opened(w.bytes).rounds() == std::vector<Times>{{1, 3}});
  w.round();
  CHECK(Opened(w.bytes).rounds() == std::vector<Times>{{1, 3}});
}

TEST_CASE("a file without rounds is sorted as a whole") {
  CHECK(Opened(samples({9, 1, 8, 2, 7, 3}).bytes).times() == Times{1, 2, 3, 7, 8, 9});
}

TEST_CASE("empty rounds and a source asked again after its end are harmless") {
  RecordWriter w(plain_attr());
  w.round().round().round().sample({.time = 1}).round().round();
  Opened opened(w.bytes);
  CHECK(opened.times() == Times{1});
  Round round;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(opened.source->next_round(std::chrono::milliseconds(0), round));
    CHECK(round.is_last);
    CHECK(round.runs.empty());
  }
}

TEST_CASE("untimed records go with the round in which they stand") {
  auto w = samples({50, 0});
  w.round().sample({.time = ~0ull}).sample({.time = 60}).round().sample({.time = 70});
  CHECK(Opened(w.bytes).rounds() == std::vector<Times>{{0}, {0, 50}, {60, 70}});
}

TEST_CASE("a truncated file is read up to its last whole record, and a note gives the offset") {
  const auto w = samples({1, 2, 3});
  const oc::test::PerfDataWriter writer(plain_attr(), w.bytes);
  const auto whole = writer.bytes();
  const size_t begin = whole.size() - w.bytes.size();
  for (size_t size = begin; size < whole.size(); ++size) {
    INFO("cut at " << size);
    const TempFile temporary(ByteVector(whole.begin(), whole.begin() + static_cast<long>(size)));
    auto opened = PerfDataFile::open(temporary.path());
    REQUIRE(opened);
    FileSource source(*opened);
    Round round;
    REQUIRE(source.next_round(std::chrono::milliseconds(0), round));
    CHECK(round.is_last);
    CHECK(round.records == (size - begin) / 40);
    CHECK(source.is_damaged());
    const auto notes = source.notes();
    REQUIRE_FALSE(notes.empty());
    const size_t last = begin + (size - begin) / 40 * 40;
    char offset[32];
    std::snprintf(offset, sizeof offset, "offset %#zx", last);
    if (last != size) CHECK(has(notes.back(), offset));
  }
}

TEST_CASE("a record of impossible size ends the reading, what came before is delivered") {
  for (const uint16_t size : {0, 1, 7}) {
    auto w = samples({1, 2, 3});
    poke(w.bytes, w.starts[1] + 6, size);
    Opened opened(w.bytes);
    CHECK(opened.times() == Times{1});
    CHECK(opened.source->is_damaged());
    CHECK(has(opened.notes(), "impossible size"));
    CHECK(has(opened.notes(), "80 bytes after it were not"));
  }
}

TEST_CASE("a record that reaches beyond the end ends the reading") {
  auto w = samples({1, 2, 3});
  poke<uint16_t>(w.bytes, w.starts[2] + 6, 48);
  Opened opened(w.bytes);
  CHECK(opened.times() == Times{1, 2});
  CHECK(has(opened.notes(), "ends inside a record"));
}

TEST_CASE("an unfinished recording is read to the end") {
  oc::test::PerfDataWriter writer(plain_attr(), samples({2, 1, 3}).bytes);
  writer.is_finished = false;
  Opened opened(writer);
  CHECK(opened.times() == Times{1, 2, 3});
  CHECK(opened.source->is_damaged());
  CHECK(has(opened.notes(), "never finished"));
}

TEST_CASE("records of tools are passed, AUX data behind their record too") {
  constexpr uint32_t kAuxtrace = 71;
  auto w = samples({1});
  w.record(82, 0, {}).record(69, 0, ByteVector(40));
  w.record(kAuxtrace, 0, ByteWriter().u64(24).add(ByteVector(32)).bytes);
  w.raw_bytes(ByteVector(24, 0xff));  // would be a record of 65535 bytes
  w.sample({.time = 2});
  Opened opened(w.bytes);
  CHECK(opened.times() == Times{1, 2});
  CHECK(opened.records == 2);
  CHECK(opened.notes().empty());
}

TEST_CASE("AUX data that reach beyond the end stop the reading") {
  for (const uint64_t size : {uint64_t{25}, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 40}) {
    auto w = samples({1});
    w.record(71, 0, ByteWriter().u64(size).add(ByteVector(32)).bytes).raw_bytes(ByteVector(24));
    Opened opened(w.bytes);
    CHECK(opened.times() == Times{1});
    CHECK(has(opened.notes(), "AUX data"));
  }
}

TEST_CASE("compressed records without the header's bit are left out, with one note") {
  auto w = samples({1});
  w.record(81, 0, ByteVector(16)).record(83, 0, ByteVector(16)).sample({.time = 2});
  Opened opened(w.bytes);
  CHECK(opened.times() == Times{1, 2});
  CHECK(opened.source->is_damaged());
  CHECK(opened.source->notes().size() == 1);
}

TEST_CASE("records may have any size, also one that is not a multiple of 8") {
  auto w = samples({1});
  w.record(PERF_RECORD_SAMPLE, 0, ByteWriter().u64(1).u64(0).u64(2).u64(0).put<uint8_t>(1).bytes);
  w.sample({.time = 3});
  CHECK(Opened(w.bytes).times() == Times{1, 2, 3});
}

// As perf record writes: each CPU's ring is drained once a round, so that a record is never older than
// the newest of the last round but one.
TEST_CASE("files of random rounds come out as a stable sort, and every record once") {
  std::mt19937 random(13);
  for (int turn = 0; turn < 100; ++turn) {
    RecordWriter w(plain_attr());
    Times expected;
    const uint64_t half = 1 + random() % 25;
    const bool has_rounds = turn % 4 != 0;
    for (uint64_t begin = 1; begin < 12 * half; begin += half) {
      for (int cpu = 0; cpu < 4; ++cpu) {
        Times ring;
        for (size_t count = random() % 15; count > 0; --count)
          ring.push_back(begin + random() % (2 * half));
        std::sort(ring.begin(), ring.end());
        for (const uint64_t time : ring) w.sample({.time = time});
        expected.insert(expected.end(), ring.begin(), ring.end());
      }
      if (has_rounds) w.round();
    }
    std::stable_sort(expected.begin(), expected.end());
    Opened opened(w.bytes);
    REQUIRE(opened.times() == expected);
    REQUIRE(opened.records == expected.size());
  }
}
