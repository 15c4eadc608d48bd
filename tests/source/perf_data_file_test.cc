#include "source/perf_data_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "support/perf_data_writer.h"
#include "support/record_writer.h"

using namespace oc::test;
using oc::base::Code;
using oc::source::PerfDataFile;

namespace {

ByteVector three_records() {
  RecordWriter w(plain_attr());
  w.sample({.time = 1, .id = 1}).sample({.time = 2, .id = 1}).sample({.time = 3, .id = 1});
  return w.bytes;
}

PerfDataWriter small_file() { return PerfDataWriter(plain_attr(), three_records()); }

oc::base::Error refusal(const ByteVector& bytes) {
  const TempFile file(bytes);
  auto opened = PerfDataFile::open(file.path());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().what.find(file.path()) != std::string::npos);
  return opened.error();
}

PerfDataFile open(const ByteVector& bytes) {
  const TempFile file(bytes);  // stays mapped when its name is gone
  auto opened = PerfDataFile::open(file.path());
  if (!opened) FAIL(opened.error().what);
  return std::move(*opened);
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

bool has_note(const PerfDataFile& file, const char* part) {
  for (const std::string& note : file.notes())
    if (has(note, part)) return true;
  return false;
}

}  // namespace

TEST_CASE("a file's records, events and facts are found") {
  auto w = small_file();
  w.feature(3, perf_string("host")).feature(4, perf_string("6.1")).feature(5, perf_string("7.2"));
  w.feature(6, perf_string("x86_64")).feature(8, perf_string("a cpu"));
  w.feature(7, ByteWriter().u32(3).u32(4).bytes);
  w.feature(11, ByteWriter().u32(2).add(perf_string("perf")).add(perf_string("record")).bytes);
  w.feature(21, ByteWriter().u64(1).u64(3).bytes);
  w.feature(12, event_description(w.attrs, {"my-event:u"}));
  const auto file = open(w.bytes());
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
  CHECK(facts.command == std::vector<std::string>{"perf", "record"});
  CHECK(facts.first_sample == 1);
  CHECK(facts.last_sample == 3);
}

TEST_CASE("attrs of every size that a kernel had are read") {
  for (const uint32_t size : {64u, 72u, 80u, 96u, 104u, 112u, 120u, 128u, 136u, 144u, 152u}) {
    INFO("attr of " << size << " bytes");
    auto w = small_file();
    w.attr_bytes = size;
    w.attrs[0].attr.size = size;
    w.attrs[0].attr.config = 3;
    const auto file = open(w.bytes());
    CHECK(file.events()[0].name == "context-switches:HG");
    CHECK(file.events()[0].layout.trailer_size == 32);
    CHECK(file.records().size() == w.records.size());
  }
}

TEST_CASE("an attr that gives its own size as 0 is of the first version") {
  auto w = small_file();
  w.attr_bytes = 64;
  w.attrs[0].attr.size = 0;
  CHECK(open(w.bytes()).events()[0].layout.time != oc::event::kAbsent);
}

TEST_CASE("the old magic number is read as the new one") {
  auto w = small_file();
  w.magic = "PERFFILE";
  CHECK(open(w.bytes()).records().size() == w.records.size());
}

TEST_CASE("a header from before features existed is read") {
  auto w = small_file();
  w.header_size = 72;
  const auto file = open(w.bytes());
  CHECK(file.notes().empty());
  CHECK(file.records().size() == w.records.size());
}

TEST_CASE("what is not read yet is refused by name") {
  const auto with_start = [](std::string_view magic) {
    auto bytes = small_file().bytes();
    std::copy(magic.begin(), magic.end(), bytes.begin());
    return refusal(bytes);
  };
  for (const char* swapped : {"2ELIFREP", "ELIFFREP"}) {
    const auto error = with_start(swapped);
    CHECK(error.code == Code::kUnsupported);
    CHECK(has(error.what, "byte order"));
  }
  CHECK(has(with_start("\x1f\x8b").hint, "gunzip"));
  CHECK(has(with_start("\x28\xb5\x2f\xfd").hint, "unzstd"));

  const auto pipe = refusal(ByteWriter().text("PERFILE2").u64(16).u64(64).u64(0).bytes);
  CHECK(pipe.code == Code::kUnsupported);
  CHECK(has(pipe.what, "pipe mode"));
  CHECK(refusal(ByteWriter().text("PERFILE2").u64(16).bytes).code == Code::kUnsupported);

  const auto compressed = refusal(small_file().feature(27, ByteVector(20)).bytes());
  CHECK(compressed.code == Code::kUnsupported);
  CHECK(has(compressed.hint, "perf inject"));
}

TEST_CASE("what is no trace at all is refused in one sentence") {
  CHECK(has(refusal({}).what, "is empty"));
  CHECK(has(refusal(ByteWriter().text("hello, world\n").bytes).what, "not a perf.data file"));
  CHECK(has(refusal(ByteWriter().text("P").bytes).what, "not a perf.data file"));
  const auto folder = std::filesystem::temp_directory_path().string();
  const auto opened = PerfDataFile::open(folder);
  REQUIRE_FALSE(opened);
  CHECK(has(opened.error().what, "is a folder"));
  const auto absent = PerfDataFile::open("/nonexistent/perf.data");
  REQUIRE_FALSE(absent);
  CHECK(has(absent.error().what, "No such file"));
  const auto device = PerfDataFile::open("/dev/null");
  REQUIRE_FALSE(device);
  CHECK(has(device.error().what, "not a regular file"));
}

TEST_CASE("a file cut at any byte of its header or attrs is refused") {
  const auto whole = small_file().bytes();
  for (size_t size = 0; size < 104 + 152; ++size) {
    INFO("cut at " << size);
    const TempFile file(ByteVector(whole.begin(), whole.begin() + static_cast<long>(size)));
    const auto opened = PerfDataFile::open(file.path());
    REQUIRE_FALSE(opened);
    CHECK_FALSE(opened.error().what.empty());
  }
}

TEST_CASE("a file cut anywhere behind its attrs is read as far as it goes, with a note") {
  auto w = small_file();
  w.feature(3, perf_string("host")).feature(12, event_description(w.attrs, {"named"}));
  const auto whole = w.bytes();
  const size_t records_end = 104 + 152 + 8 + w.records.size();
  for (size_t size = 104 + 152; size < whole.size(); ++size) {
    INFO("cut at " << size);
    const auto file = open(ByteVector(whole.begin(), whole.begin() + static_cast<long>(size)));
    CHECK(file.is_truncated() == (size < records_end));
    CHECK_FALSE(file.notes().empty());
    const size_t readable =
        size < 104 + 152 + 8 ? 0 : std::min(size, records_end) - (104 + 152 + 8);
    CHECK(file.records().size() == readable);
  }
}

TEST_CASE("an unfinished recording is read to the end of the file, with a note") {
  auto w = small_file();
  w.is_finished = false;
  const auto file = open(w.bytes());
  CHECK(file.is_truncated());
  CHECK(file.records().size() == w.records.size());
  CHECK(has_note(file, "never finished"));
}

TEST_CASE("an attr section that makes no sense is refused") {
  const auto with = [](size_t offset, uint64_t value) {
    auto bytes = small_file().bytes();
    poke(bytes, offset, value);
    return refusal(bytes);
  };
  constexpr size_t kStride = 16, kOffset = 24, kSize = 32;
  CHECK(has(with(kStride, 0).what, "makes no sense"));
  CHECK(has(with(kStride, 79).what, "makes no sense"));
  CHECK(has(with(kStride, UINT64_MAX).what, "makes no sense"));
  CHECK(has(with(kSize, 151).what, "makes no sense"));
  CHECK(has(with(kSize, 152u * 100'000'000u).what, "makes no sense"));
  CHECK(has(with(kSize, 0).what, "no events"));
  CHECK(has(with(kOffset, UINT64_MAX).what, "cut off"));
  CHECK(has(with(kOffset, 1u << 30).what, "cut off"));
}

TEST_CASE("ids outside the file cost the ids, not the file") {
  auto bytes = small_file().bytes();
  poke<uint64_t>(bytes, 104 + 136, 1ull << 60);
  const auto file = open(bytes);
  CHECK(has_note(file, "lies outside the file"));
  CHECK(file.events().size() == 1);
}

TEST_CASE("ids that claim more bytes than the file has are refused") {
  auto w = small_file();
  auto bytes = w.bytes();
  poke<uint64_t>(bytes, 104 + 144, 1ull << 40);
  CHECK(has(refusal(bytes).what, "ids"));
}

TEST_CASE("attrs that share one large block of ids do not multiply it in memory") {
  PerfDataWriter w;
  std::vector<uint64_t> ids(4096);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = 7'000'000 * i;
  w.add(plain_attr(), ids);
  for (int i = 0; i < 8000; ++i) w.add(plain_attr(), {});
  w.records = three_records();
  auto bytes = w.bytes();
  for (size_t i = 0; i < w.attrs.size(); ++i) {
    const size_t entry = 104 + i * 152;
    poke<uint64_t>(bytes, entry + 136, 104 + w.attrs.size() * 152);
    poke<uint64_t>(bytes, entry + 144, ids.size() * 8);
  }
  CHECK(has(refusal(bytes).what, "ids"));
}

TEST_CASE("damaged feature sections cost names, not records") {
  auto w = small_file();
  w.feature(3, perf_string("host"));
  auto description = event_description(w.attrs, {"named"});
  SECTION("a table that points outside the file") {
    auto bytes = w.bytes();
    poke<uint64_t>(bytes, 104 + 152 + 8 + w.records.size(), 1ull << 50);
    const auto file = open(bytes);
    CHECK(has_note(file, "feature section 3"));
    CHECK(file.records().size() == w.records.size());
  }
  SECTION("names cut at any byte") {
    for (size_t size = 1; size < description.size(); ++size) {
      w.feature(12, ByteVector(description.begin(), description.begin() + static_cast<long>(size)));
      const auto file = open(w.bytes());
      CHECK(has_note(file, "event names"));
      CHECK_FALSE(file.events()[0].name.empty());
    }
  }
  SECTION("counts that nobody could hold") {
    poke<uint32_t>(description, 0, UINT32_MAX);
    CHECK(has_note(open(w.feature(12, description).bytes()), "event names"));
    poke<uint32_t>(description, 4, UINT32_MAX);
    CHECK(has_note(open(w.feature(12, description).bytes()), "event names"));
    w.feature(11, ByteWriter().u32(UINT32_MAX).u32(UINT32_MAX).bytes);
    CHECK(open(w.bytes()).facts().command.size() <= 1);
    w.feature(3, ByteWriter().u32(UINT32_MAX).text("host").bytes);
    CHECK(open(w.bytes()).facts().host.empty());
  }
  SECTION("a feature of 0 to 3 bytes") {
    for (size_t size = 0; size < 4; ++size) {
      for (const int number : {1, 3, 7, 11, 12, 21}) w.feature(number, ByteVector(size));
      CHECK(open(w.bytes()).records().size() == w.records.size());
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
  CHECK(open(w.bytes()).events()[0].name == name);
}

TEST_CASE(
    "an event is named by its id, then by its place, then by its tracepoint, then by its type") {
  auto switch_attr = tracepoint_attr(7);
  PerfDataWriter w;
  w.add(switch_attr, {10, 11}).add(plain_attr(), {12});
  w.records = three_records();
  SECTION("by id, whatever the order") {
    w.feature(12, event_description({w.attrs[1], w.attrs[0]}, {"second", "first"}));
    const auto file = open(w.bytes());
    CHECK(file.events()[0].name == "first");
    CHECK(file.events()[1].name == "second");
  }
  SECTION("by place, when there are no ids") {
    w.attrs[0].ids = w.attrs[1].ids = {};
    w.feature(12, event_description(w.attrs, {"first", "second"}));
    const auto file = open(w.bytes());
    CHECK(file.events()[0].name == "first");
    CHECK(file.events()[1].name == "second");
  }
  SECTION("by the tracepoint's format") {
    w.feature(1, tracing_data({format_text("thing", 7)}));
    const auto file = open(w.bytes());
    CHECK(file.events()[0].name == "sys:thing");
    REQUIRE(file.events()[0].format);
    CHECK(file.events()[0].format->find("value") != nullptr);
    CHECK(file.events()[1].name == "cpu-clock:HG");
    CHECK_FALSE(file.events()[1].format);
  }
  SECTION("by type") { CHECK(open(w.bytes()).events()[0].name == "tracepoint 7"); }
}

TEST_CASE("a tracepoint recorded without its raw data has a name and no fields") {
  auto attr = tracepoint_attr(7);
  attr.sample_type &= ~static_cast<uint64_t>(PERF_SAMPLE_RAW);
  PerfDataWriter w(attr, three_records());
  w.feature(1, tracing_data({format_text("thing", 7)}));
  const auto file = open(w.bytes());
  CHECK(file.events()[0].name == "sys:thing");
  CHECK_FALSE(file.events()[0].format);
}

TEST_CASE("tracing data that cannot be read leave a note") {
  auto w = PerfDataWriter(tracepoint_attr(7), three_records());
  CHECK(has_note(open(w.feature(1, ByteVector(40)).bytes()), "tracepoints have no fields"));
  auto blob = tracing_data({format_text("thing", 7)});
  blob.resize(blob.size() / 2);
  CHECK(has_note(open(w.feature(1, blob).bytes()), "damaged at offset"));
}

TEST_CASE("thousands of attrs of one huge format are not parsed without end") {
  std::string text = format_text("thing", 7);
  text.append(1 << 20, ' ');
  PerfDataWriter w;
  for (int i = 0; i < 5000; ++i) w.add(tracepoint_attr(7), {});
  w.records = three_records();
  w.feature(1, tracing_data({text}));
  CHECK(has_note(open(w.bytes()), "bytes of formats"));
}

TEST_CASE("one file of a threaded recording says that there are more") {
  const auto file = open(small_file().feature(24, ByteWriter().u64(1).bytes).bytes());
  CHECK(has_note(file, "--threads"));
}
