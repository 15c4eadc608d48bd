// Records that are owned: of pipes, unpacked ones.

#include "source/stream_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "source/recorded_trace.h"
#include "support/record_writer.h"
#include "support/stream_writer.h"

using namespace oc::test;
using namespace oc::source;
using std::chrono::milliseconds;

namespace {

using Times = std::vector<uint64_t>;

/// Samples of these times, a round after every third.
ByteVector samples_in_rounds(const Times& times) {
  RecordWriter w(plain_attr());
  for (size_t i = 0; i < times.size(); ++i) {
    w.sample({.time = times[i], .id = 1});
    if (i % 3 == 2) w.round();
  }
  return w.bytes;
}

/// A trace, and the bytes that it reads.
class Loaded {
 public:
  explicit Loaded(ByteVector bytes) : bytes_(std::move(bytes)) {
    auto trace = RecordedTrace::load("trace", oc::base::Mapping::lend(bytes_));
    if (!trace) FAIL(trace.error().what);
    trace_ = std::move(*trace);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  const RecordedTrace& operator*() const { return *trace_; }
  const RecordedTrace* operator->() const { return trace_.get(); }

 private:
  ByteVector bytes_;
  std::unique_ptr<RecordedTrace> trace_;
};

Loaded load(ByteVector bytes) { return Loaded(std::move(bytes)); }

void add_times(const RecordClock& clock, const Round& round, Times& times) {
  for (const Run& run : round.runs) {
    for (const uint8_t* at = run.at; at < run.end; at += record_header(at).size_bytes)
      times.push_back(clock.time(at, record_header(at)));
  }
}

Times times_of(const RecordedTrace& trace) {
  const RecordClock clock(trace.events());
  Times times;
  Round round;
  do {
    auto status = trace.source().next_round(milliseconds(100), round);
    if (!status) FAIL(status.error().what);
    add_times(clock, round, times);
  } while (!round.is_last);
  return times;
}

std::string notes_of(const RecordedTrace& trace) {
  std::string all;
  for (const std::string& note : trace.source().notes()) all += note + "\n";
  return all;
}

const Times kTimes = {5, 6, 7, 8, 9, 10, 11, 12};

oc::test::PerfDataWriter plain_file(const ByteVector& records) { return {plain_attr(), records}; }

}  // namespace

TEST_CASE("a file in pipe mode tells its events, facts and records") {
  oc::test::PerfDataWriter file(tracepoint_attr(7), samples_in_rounds(kTimes));
  file.feature(1, tracing_data({format_text("first", 7)})).feature(3, perf_string("host"));
  file.feature(11, ByteWriter().u32(1).add(perf_string("perf")).bytes);
  for (const uint32_t attr_bytes : {64u, 112u, 136u, 152u}) {
    file.attr_bytes = attr_bytes;
    const auto bytes = pipe_bytes(file);
    const auto trace = load(bytes);
    REQUIRE(trace->events().size() == 1);
    CHECK(trace->events()[0].name == "sys:first");
    CHECK(trace->events()[0].format->fields.size() == 4);
    CHECK(trace->facts().host == "host");
    CHECK(trace->facts().command == std::vector<std::string>{"perf"});
    CHECK(times_of(*trace) == kTimes);
    CHECK(notes_of(*trace).empty());
    CHECK_FALSE(trace->source().is_damaged());
  }
}

TEST_CASE("the last name that a stream gives to an event counts, and build ids are kept") {
  RecordWriter w(plain_attr());
  w.record(78, 0, ByteWriter().u64(2).u64(1).text("renamed").pad().bytes);
  w.record(
      67, PERF_RECORD_MISC_KERNEL,
      ByteWriter().u32(0xffffffff).add(ByteVector(16, 0xab)).pad(4).u64(0).text("[k]").pad().bytes);
  const auto trace = load(pipe_bytes(plain_file(w.raw_bytes(samples_in_rounds(kTimes)).bytes)));
  CHECK(trace->events()[0].name == "renamed");
  REQUIRE(trace->facts().build_ids.size() == 1);
  const auto& build = trace->facts().build_ids[0];
  CHECK(build.id == ByteVector(16, 0xab));
  CHECK(build.path == "[k]");
  CHECK(build.is_kernel);
  CHECK(build.pid == -1);
}

TEST_CASE("kernel records before the first sample are records like others") {
  RecordWriter w(plain_attr());
  w.comm({.time = 1, .id = 1}, 5, 5, "early").mmap({.time = 2, .id = 1}, 0x1000, 0x1000, "/bin/x");
  const auto trace = load(pipe_bytes(plain_file(w.raw_bytes(samples_in_rounds({3, 4})).bytes)));
  CHECK(times_of(*trace) == Times{1, 2, 3, 4});
}

TEST_CASE("samples of an event that is described behind others' samples belong to nobody") {
  RecordWriter w(plain_attr());
  w.sample({.time = 1, .id = 1});
  oc::test::PerfDataWriter late;
  late.add(plain_attr(), {2});
  const auto described = pipe_bytes(late);  // magic and size, then the record
  w.raw_bytes(ByteVector(described.begin() + 16, described.end()));
  w.sample({.time = 2, .id = 2}).sample({.time = 3, .id = 1});
  const auto trace = load(pipe_bytes(plain_file(w.bytes)));
  const RecordClock clock(trace->events());
  std::vector<uint32_t> kinds;
  Round round;
  do {
    REQUIRE(bool(trace->source().next_round(milliseconds(100), round)));
    for (const Run& run : round.runs) {
      for (const uint8_t* at = run.at; at < run.end; at += record_header(at).size_bytes)
        kinds.push_back(clock.kind_of_sample(at, record_header(at).size_bytes));
    }
  } while (!round.is_last);
  CHECK(kinds == std::vector<uint32_t>{0, oc::event::EventTable::kUnknown, 0});
  CHECK(notes_of(*trace).find("behind the first samples") != std::string::npos);
  CHECK(trace->source().is_damaged());
  // A mapped file says beforehand what there is: nobody looks for ids.
  CHECK(load(plain_file({}).bytes())->events().id_offset() == oc::event::kAbsent);
}

TEST_CASE("without marks of rounds a stream is handed on by halves of what may be held") {
  RecordWriter w(plain_attr());
  constexpr uint64_t kCount = 2000;
  for (uint64_t i = 1; i <= kCount; ++i) w.sample({.time = i, .id = 1});
  const auto bytes = pipe_bytes(plain_file(w.bytes));
  const uint64_t record = w.bytes.size() / kCount;
  const uint64_t most = 200 * record;
  const auto mapping = oc::base::Mapping::lend(bytes);
  TraceHeader header("trace");
  auto source = StreamSource::open_pipe(
      header, std::make_unique<MappedInput>(mapping, mapping.bytes().subspan(16)),
      [] { return false; }, {.most_held = most});
  REQUIRE(bool(source));
  Round round;
  uint64_t came = 0, rounds = 0, horizon = 0;
  do {
    REQUIRE(bool((*source)->next_round(milliseconds(100), round)));
    CHECK(round.records <= 101);
    CHECK(round.horizon == (round.is_last ? kCount : horizon));
    horizon = came + round.records;
    came = horizon;
    CHECK((came - round.horizon) * record <= most);
    ++rounds;
  } while (!round.is_last);
  CHECK(came == kCount);
  CHECK(rounds >= 20);
}

TEST_CASE("compressed records of every kind and cut read as the plain ones") {
  const auto records = samples_in_rounds(kTimes);
  for (const uint32_t type : {81u, 83u}) {
    for (const size_t piece : {1u, 7u, 8u, 40u, 64u, 100000u}) {
      INFO("type " << type << " in pieces of " << piece);
      const auto packed = compressed_records(records, type, piece);
      auto file = plain_file(packed);
      CHECK(times_of(*load(pipe_bytes(file))) == kTimes);
      file.feature(27, ByteVector(20));
      const auto trace = load(file.bytes());
      CHECK(times_of(*trace) == kTimes);
      CHECK(notes_of(*trace).empty());
    }
  }
}

TEST_CASE("damage in compressed records ends the reading behind what was whole") {
  auto packed = compressed_records(samples_in_rounds(kTimes), 81, 80);
  const auto whole = times_of(*load(plain_file(packed).feature(27, ByteVector(20)).bytes()));
  REQUIRE(whole == kTimes);
  for (size_t at = 8; at < packed.size(); ++at) {  // zstd has no checksum here: it may decode
    auto broken = packed;
    broken[at] ^= 0x55;
    CHECK(times_of(*load(plain_file(broken).feature(27, ByteVector(20)).bytes())).size() < 1000);
  }
  const auto trace =
      load(plain_file(RecordWriter(plain_attr()).record(81, 0, ByteVector(24, 'x')).bytes)
               .feature(27, ByteVector(20))
               .bytes());
  CHECK(times_of(*trace).empty());
  CHECK(notes_of(*trace).find("zstd") != std::string::npos);
  CHECK(notes_of(*trace).find("offset 0x") != std::string::npos);
  CHECK(trace->source().is_damaged());
}

TEST_CASE("a stream that is cut anywhere gives the records before the cut") {
  const auto whole = pipe_bytes(plain_file(samples_in_rounds(kTimes)));
  const size_t header = pipe_bytes(plain_file({})).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    INFO("cut at " << size);
    const ByteVector cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto trace = RecordedTrace::load("trace", oc::base::Mapping::lend(cut));
    CHECK(bool(trace) == (size >= header));
    if (!trace) {
      CHECK(trace.error().what.find("trace") != std::string::npos);
      continue;
    }
    const auto times = times_of(**trace);
    CHECK(std::equal(times.begin(), times.end(), kTimes.begin()));
  }
}

TEST_CASE("data behind AUX records and long records of simpleperf are stepped over") {
  RecordWriter w(plain_attr());
  w.sample({.time = 1, .id = 1});
  w.record(71, 0, ByteWriter().u64(70000).add(ByteVector(32)).bytes)
      .raw_bytes(ByteVector(70000, 9));
  w.record(32775, 1, ByteVector(32)).raw_bytes(ByteVector(65536, 9)).sample({.time = 2, .id = 1});
  CHECK(times_of(*load(pipe_bytes(plain_file(w.bytes)))) == Times{1, 2});
  CHECK(times_of(*load(plain_file(w.bytes).bytes())) == Times{1, 2});
}

TEST_CASE("what was released is freed, and addresses stay until then") {
  RecordStore store;
  const auto first = store.add(64);
  first[0] = 42;
  for (int i = 0; i < 100'000; ++i) {
    store.add(1000);
    if (i == 50'000) CHECK(first[0] == 42);
    if (i > 50'000) store.release(store.next() - 2000);
  }
  CHECK(store.next() == 100'000'064);
  CHECK(store.size_bytes() <= 3 << 20);
}

TEST_CASE("a pipe is read while it is written") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const oc::base::Fd reading(ends[0]);
  oc::base::Fd writing(ends[1]);
  const auto bytes = pipe_bytes(plain_file(samples_in_rounds(kTimes)));
  std::thread writer([&] {
    for (const uint8_t byte : bytes) {
      if (write(writing.number(), &byte, 1) != 1) break;
      if (byte == 9) std::this_thread::sleep_for(milliseconds(20));
    }
    writing.close();
  });
  auto trace = RecordedTrace::open("/dev/fd/" + std::to_string(reading.number()));
  Times times;
  if (trace) {
    CHECK((*trace)->is_live());
    times = times_of(**trace);
  }
  writer.join();
  REQUIRE(bool(trace));
  CHECK(times == kTimes);
}

TEST_CASE("a pipe whose writer is silent returns in time, and ends when it is woken") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const oc::base::Fd reading(ends[0]), writing(ends[1]);
  const auto bytes = pipe_bytes(plain_file(samples_in_rounds(kTimes)));
  REQUIRE(write(writing.number(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  auto trace = RecordedTrace::open("/dev/fd/" + std::to_string(reading.number()));
  REQUIRE(bool(trace));
  const RecordClock clock((*trace)->events());
  Round round;
  Times times;
  const auto read_round = [&] {
    REQUIRE(bool((*trace)->source().next_round(milliseconds(10), round)));
    add_times(clock, round, times);
  };
  for (int i = 0; i < 4; ++i) read_round();
  CHECK(times == kTimes);
  CHECK_FALSE(round.is_last);
  CHECK(round.horizon == 7);  // of the round before the last that ended
  (*trace)->source().wake();
  for (int i = 0; i < 1000 && !round.is_last; ++i) read_round();
  CHECK(round.is_last);
  CHECK(round.horizon == 12);
}

TEST_CASE("waiting for a pipe's beginning can be given up") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const oc::base::Fd reading(ends[0]), writing(ends[1]);
  int asked = 0;
  const auto trace = RecordedTrace::open("/dev/fd/" + std::to_string(reading.number()),
                                         [&] { return ++asked > 1; });
  REQUIRE_FALSE(bool(trace));
  CHECK(trace.error().what.find("no trace came") != std::string::npos);
}

TEST_CASE("a file in file mode that comes through a pipe is kept and read as a file") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const oc::base::Fd reading(ends[0]);
  oc::base::Fd writing(ends[1]);
  const auto bytes = plain_file(samples_in_rounds(kTimes)).bytes();
  REQUIRE(write(writing.number(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  writing.close();
  auto trace = RecordedTrace::open("/dev/fd/" + std::to_string(reading.number()));
  REQUIRE(bool(trace));
  CHECK((*trace)->plain_file() != nullptr);
  CHECK(times_of(**trace) == kTimes);
}
