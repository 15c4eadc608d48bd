#include "session/record_selection.h"

#include <catch2/catch.hpp>

#include "support/record_writer.h"

using namespace oc::session;
using namespace oc::test;

namespace {

constexpr uint32_t kSideband = 0,
                   kData = 1;  // streams: two rings of each, those of CPU 0 and CPU 1

struct Round {
  RecordWriter sideband[2] = {RecordWriter(plain_attr()), RecordWriter(plain_attr())};
  RecordWriter data[2] = {RecordWriter(plain_attr()), RecordWriter(plain_attr())};
};

oc::source::Span span_of(const RecordWriter& w, uint32_t stream) {
  oc::source::Span span;
  span.begin = w.bytes.data();
  span.end = w.bytes.data() + w.bytes.size();
  span.stream = stream;
  return span;
}

/// Writes a sample at each time of the thread `tid` in CPU 1's ring, as its own process's.
void sample(Round& round, int32_t tid, std::initializer_list<uint64_t> times) {
  for (const uint64_t time : times) round.data[1].sample({.time = time, .pid = tid, .tid = tid});
}

class Chosen {
 public:
  explicit Chosen(const oc::perf::Target& target, bool tasks_too = false, int32_t command = 0)
      : table_(make_table({{plain_attr(), {}}})), selection_(table_, target, tasks_too, command) {}

  /// The threads of the samples that are kept of a round.
  std::vector<int32_t> tids(const Round& round) {
    std::vector<oc::source::Span> spans;
    for (const RecordWriter& w : round.sideband) spans.push_back(span_of(w, kSideband));
    for (const RecordWriter& w : round.data) spans.push_back(span_of(w, kData));
    selection_.choose(spans, [](uint32_t stream) { return stream == kSideband; });
    std::vector<int32_t> found;
    const uint16_t at = table_[0].layout.tid;
    for (const auto& span : spans) {
      if (span.stream == kSideband) continue;
      for (const uint8_t* record = span.begin; record < span.end;) {
        found.push_back(oc::base::load<int32_t>(record + at + 4));
        record += oc::source::record_header(record).size_bytes;
      }
    }
    return found;
  }

 private:
  oc::event::EventTable table_;
  RecordSelection selection_;
};

oc::perf::Target of_name(const char* name) {
  oc::perf::Target target;
  target.comms = {name};
  return target;
}

}  // namespace

TEST_CASE(
    "a thread is kept from the round on in which it gets the name, and until it has another") {
  Chosen chosen(of_name("job*"));
  Round named;
  named.sideband[0].comm({.time = 20}, 7, 7, "job-1", true);
  sample(named, 7, {10, 30});  // what it did before, in the same round, comes along
  sample(named, 8, {11});
  CHECK(chosen.tids(named) == std::vector<int32_t>{7, 7});
  Round later;
  sample(later, 7, {40});
  sample(later, 8, {41});
  CHECK(chosen.tids(later) == std::vector<int32_t>{7});
  Round renamed;
  renamed.sideband[0].comm({.time = 60}, 7, 7, "other");
  sample(renamed, 7, {50, 70});
  CHECK(chosen.tids(renamed) == std::vector<int32_t>{7, 7});
  Round next;
  sample(next, 7, {80});
  CHECK(chosen.tids(next).size() <= 1);  // the change is as old as all there was
  Round last;
  sample(last, 7, {90});
  CHECK(chosen.tids(last).empty());
}

TEST_CASE("an exec that is read before its fork keeps its name") {
  Chosen chosen(of_name("job*"));
  Round first;
  SECTION("in one round, from the ring before") {
    first.sideband[0].comm({.time = 20}, 7, 7, "job-1", true);
    first.sideband[1].fork({.time = 10}, 7, 7, 5, 5);
    sample(first, 7, {30});
    CHECK(chosen.tids(first) == std::vector<int32_t>{7});
  }
  SECTION("the fork's ring had been emptied before it") {
    first.sideband[1].comm({.time = 20}, 7, 7, "job-1", true);
    sample(first, 7, {30});
    CHECK(chosen.tids(first) == std::vector<int32_t>{7});
    Round second;
    second.sideband[0].fork({.time = 10}, 7, 7, 5, 5);
    sample(second, 7, {40});
    CHECK(chosen.tids(second) == std::vector<int32_t>{7});
  }
  for (uint64_t time = 50; time < 55; ++time) {
    Round later;
    sample(later, 7, {time});
    CHECK(chosen.tids(later) == std::vector<int32_t>{7});
  }
}

TEST_CASE("a command's grandchild is its own also where its fork is read before its parent's") {
  oc::perf::Target target;
  Chosen chosen(target, true, 5);
  Round first;
  first.sideband[0].comm({.time = 10}, 5, 5, "sh", true).fork({.time = 30}, 7, 7, 6, 6);
  first.sideband[1].fork({.time = 20}, 6, 6, 5, 5);
  sample(first, 5, {11});
  sample(first, 6, {21});
  sample(first, 7, {31});
  sample(first, 8, {32});
  CHECK(chosen.tids(first) == std::vector<int32_t>{5, 6, 7});
  for (uint64_t time = 40; time < 43; ++time) {
    Round later;
    sample(later, 7, {time});
    sample(later, 8, {time});
    CHECK(chosen.tids(later) == std::vector<int32_t>{7});
  }
}

TEST_CASE("whoever gets a number after its owner has gone is another") {
  Chosen chosen(of_name("job*"));
  Round first;
  first.sideband[0].comm({.time = 10}, 7, 7, "job-1", true);
  sample(first, 7, {11});
  CHECK(chosen.tids(first) == std::vector<int32_t>{7});
  Round again;
  again.sideband[1].fork({.time = 20}, 7, 7, 5, 5);
  sample(again, 7, {21});
  chosen.tids(again);
  Round next;
  sample(next, 7, {30});
  chosen.tids(next);
  Round last;
  sample(last, 7, {40});
  CHECK(chosen.tids(last).empty());
}
