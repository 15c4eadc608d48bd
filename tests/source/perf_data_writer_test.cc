// What the writer writes, read back by the reader: finished, cut off anywhere, on a full disk.

#include "source/perf_data_writer.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include "source/recorded_trace.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"

using namespace oc::source;
using oc::test::ByteVector;
using oc::test::RecordWriter;

namespace {

/// A folder that goes at the end, with all in it.
struct WriterFolder {
  WriterFolder() {
    char name[] = "/tmp/oc-writer-XXXXXX";
    path = mkdtemp(name);
  }
  ~WriterFolder() {
    const std::string command = "rm -rf " + path;
    if (std::system(command.c_str()) != 0) WARN("left " + path);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

oc::event::EventTable two_kinds() {
  return oc::test::make_table({{oc::test::plain_attr(), {11, 12}}, {oc::test::plain_attr(), {21}}});
}

/// `count` samples of the two kinds, in turn, one microsecond apart.
ByteVector samples(int count, uint64_t first = 1000) {
  RecordWriter records(oc::test::plain_attr());
  for (int i = 0; i < count; ++i)
    records.sample({.time = first + 1000ull * i, .id = i % 2 == 0 ? 11ull : 21ull});
  return records.bytes;
}

Span span_of(const ByteVector& bytes) {
  Span span;
  span.begin = bytes.data();
  span.end = bytes.data() + bytes.size();
  return span;
}

FeatureSections some_features() {
  FeatureSections features;
  features.add_text(kHostFeature, "box");
  features.add_cpu_count(4, 3);
  return features;
}

/// All records of a trace; their times must not fall.
uint64_t count_records(const std::string& path, std::vector<std::string>* notes = nullptr) {
  auto trace = RecordedTrace::load(path, std::move(*oc::base::Mapping::open(path)));
  REQUIRE(trace);
  uint64_t records = 0;
  Round round;
  do {
    REQUIRE((*trace)->source().next_round(std::chrono::milliseconds(0), round));
    records += round.records;
    for (const Span& span : round.spans) (*trace)->source().release(span.stream, ~0ull);
    for (const auto& run : round.runs) (*trace)->source().release(run.stream, run.position);
  } while (!round.is_last);
  if (notes != nullptr) *notes = (*trace)->source().notes();
  return records;
}

}  // namespace

TEST_CASE("a finished trace is of file mode, with every section") {
  for (const int compression : {0, 1}) {
    const WriterFolder folder;
    const auto events = two_kinds();
    auto output = TraceOutput::open(folder / "t.data");
    REQUIRE(output);
    oc::source::PerfDataWriter writer(*output, compression);
    REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
    const ByteVector bytes = samples(5000);
    const Span span = span_of(bytes);
    REQUIRE(writer.append(std::span(&span, 1), true));
    CHECK(writer.kept_bytes() == bytes.size());
    FeatureSections more;
    more.add_sample_times(1000, 5'000'000);
    more.add_build_ids({{{1, 2, 3, 4}, "/bin/x", -1, false}});
    REQUIRE(writer.finish(more));
    REQUIRE(output->finish());
    auto trace = RecordedTrace::load(folder / "t.data",
                                     std::move(*oc::base::Mapping::open(folder / "t.data")));
    REQUIRE(trace);
    CHECK((*trace)->facts().host == "box");
    CHECK((*trace)->facts().cpus_online == 3);
    CHECK((*trace)->facts().last_sample == 5'000'000);
    REQUIRE((*trace)->facts().build_ids.size() == 1);
    CHECK((*trace)->facts().build_ids[0].path == "/bin/x");
    CHECK((*trace)->events().size() == 2);
    CHECK((*trace)->events()[1].name == "e1");
    CHECK((*trace)->events().find(21) == 1);
    CHECK(count_records(folder / "t.data") == 5000);
    if (compression != 0) CHECK(std::filesystem::file_size(folder / "t.data") < bytes.size() / 4);
  }
}

TEST_CASE("a trace that was never finished is read as far as it goes") {
  const WriterFolder folder;
  const auto events = two_kinds();
  const ByteVector bytes = samples(300);
  {
    auto output = TraceOutput::open(folder / "t.data");
    oc::source::PerfDataWriter writer(*output, 0);
    REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
    const Span span = span_of(bytes);
    for (int i = 0; i < 3; ++i) REQUIRE(writer.append(std::span(&span, 1), true));
  }
  CHECK(count_records(folder / "t.data.partial") == 900);
  const auto trace = RecordedTrace::open(folder / "t.data.partial");
  REQUIRE(trace);
  CHECK((*trace)->is_truncated());
  CHECK((*trace)->source().is_damaged());
  REQUIRE((*trace)->source().notes().size() == 1);
  CHECK((*trace)->source().notes()[0].find("was never finished") != std::string::npos);
  const uint64_t size = std::filesystem::file_size(folder / "t.data.partial");
  REQUIRE(truncate((folder / "t.data.partial").c_str(), static_cast<off_t>(size - 13)) == 0);
  CHECK(count_records(folder / "t.data.partial") == 899);
}

TEST_CASE("what does not fit is cut off between two records, and the rest is a whole trace") {
  const WriterFolder folder;
  const auto events = two_kinds();
  const ByteVector bytes = samples(2000);
  auto output = TraceOutput::open(folder / "t.data");
  oc::source::PerfDataWriter writer(*output, 0);
  REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  auto* handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = output->position() + bytes.size() + 5003;  // the second round does not fit
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Span span = span_of(bytes);
  const auto first = writer.append(std::span(&span, 1), true);
  const auto second = writer.append(std::span(&span, 1), true);
  const uint64_t kept = writer.kept_bytes();
  const auto finished = writer.finish({});
  const auto named = output->finish();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  CHECK(first);
  REQUIRE(!second);
  CHECK(second.error().sys_errno == EFBIG);
  CHECK(kept > 0);
  CHECK(kept % (bytes.size() / 2000) == 0);
  CHECK(finished);
  CHECK(named);
  CHECK(count_records(folder / "t.data") == 2000 + kept / (bytes.size() / 2000));
}

TEST_CASE("a limit is kept to the record") {
  const WriterFolder folder;
  const auto events = two_kinds();
  const ByteVector bytes = samples(2000);
  auto output = TraceOutput::open(folder / "t.data");
  oc::source::PerfDataWriter writer(*output, 0);
  REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
  const uint64_t limit = output->position() + 1001;
  writer.set_limit(limit);
  const Span span = span_of(bytes);
  REQUIRE(writer.append(std::span(&span, 1), false));
  CHECK(writer.is_at_limit());
  CHECK(output->position() <= limit);
  CHECK(writer.kept_bytes() > 0);
  CHECK(writer.kept_bytes() % (bytes.size() / 2000) == 0);
}

TEST_CASE("more attrs than fit in front of the records stand behind them") {
  const WriterFolder folder;
  std::vector<std::pair<perf_event_attr, std::vector<uint64_t>>> attrs;
  for (uint64_t i = 0; i < 600; ++i) attrs.push_back({oc::test::plain_attr(), {100 + i}});
  const auto events = oc::test::make_table(attrs);
  auto output = TraceOutput::open(folder / "t.data");
  oc::source::PerfDataWriter writer(*output, 0);
  REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
  RecordWriter records(oc::test::plain_attr());
  records.sample({.time = 5, .id = 699});
  const Span span = span_of(records.bytes);
  REQUIRE(writer.append(std::span(&span, 1), true));
  REQUIRE(writer.finish({}));
  REQUIRE(output->finish());
  auto trace = RecordedTrace::load(folder / "t.data",
                                   std::move(*oc::base::Mapping::open(folder / "t.data")));
  REQUIRE(trace);
  CHECK((*trace)->events().size() == 600);
  CHECK((*trace)->events()[599].name == "e599");
  CHECK((*trace)->events().find(699) == 599);
  CHECK(count_records(folder / "t.data") == 1);
}

TEST_CASE("more ids than a record holds are all in the finished file") {
  const WriterFolder folder;
  std::vector<uint64_t> many;
  for (uint64_t i = 0; i < 10'000; ++i) many.push_back(1000 + i);
  const auto events = oc::test::make_table({{oc::test::plain_attr(), {11}},
                                            {oc::test::plain_attr(), many},
                                            {oc::test::plain_attr(), {21}}});
  RecordWriter records(oc::test::plain_attr());
  records.sample({.time = 5, .id = 11})
      .sample({.time = 6, .id = 21})
      .sample({.time = 7, .id = 1000});
  records.sample({.time = 8, .id = 10'999});
  const Span span = span_of(records.bytes);
  auto output = TraceOutput::open(folder / "t.data");
  oc::source::PerfDataWriter writer(*output, 0);
  REQUIRE(writer.begin(events, some_features(), {}, 1 << 20));
  REQUIRE(writer.append(std::span(&span, 1), true));
  const std::string partial = output->current_path();
  {
    auto trace = RecordedTrace::load(partial, std::move(*oc::base::Mapping::open(partial)));
    REQUIRE(trace);
    CHECK((*trace)->events().size() == 3);
    CHECK((*trace)->events().find(1000) == 1);
    CHECK((*trace)->events().find(21) == 2);
    CHECK(count_records(partial) == 4);
  }
  REQUIRE(writer.finish({}));
  REQUIRE(output->finish());
  auto trace = RecordedTrace::load(folder / "t.data",
                                   std::move(*oc::base::Mapping::open(folder / "t.data")));
  REQUIRE(trace);
  REQUIRE((*trace)->events().size() == 3);
  CHECK((*trace)->events().ids_by_kind()[1] == many);
  CHECK((*trace)->events().find(11) == 0);
  CHECK((*trace)->events().find(21) == 2);
  CHECK(count_records(folder / "t.data") == 4);
}

TEST_CASE("a stream refuses more ids than a record holds") {
  std::vector<uint64_t> many(10'000);
  std::iota(many.begin(), many.end(), 1);
  const auto events = oc::test::make_table({{oc::test::plain_attr(), many}});
  auto output = TraceOutput::open("/dev/null");
  REQUIRE(output);
  oc::source::PerfDataWriter writer(*output, 0);
  const auto status = writer.begin(events, some_features(), {}, 1 << 20);
  REQUIRE(!status);
  CHECK(status.error().what.find("10000 places") != std::string::npos);
}

TEST_CASE("an older trace of the name is kept, and one that is being written is not touched") {
  const WriterFolder folder;
  std::ofstream(folder / "t.data") << "older";
  auto output = TraceOutput::open(folder / "t.data");
  REQUIRE(output);
  const uint8_t byte[] = {1};
  REQUIRE(output->write(byte));
  const auto second = TraceOutput::open(folder / "t.data");
  REQUIRE(!second);
  CHECK(second.error().what.find("being written by another") != std::string::npos);
  REQUIRE(output->finish());
  std::ifstream old(folder / "t.data.old");
  CHECK(std::string(std::istreambuf_iterator<char>(old), {}) == "older");
  CHECK(!std::filesystem::exists(folder / "t.data.partial"));
  CHECK(std::filesystem::file_size(folder / "t.data") == 1);
}
