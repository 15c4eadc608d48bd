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
  CHECK(has(with_start("\x1f\x8b").hint, "gunzip"));
  CHECK(has(with_start("\x28\xb5\x2f\xfd").hint, "unzstd"));

  const auto pipe = refusal(ByteWriter().text("PERFILE2").u64(16).u64(64).u64(0).bytes);
  CHECK(pipe.code == Code::kUnsupported);
  CHECK(has(pipe.what, "pipe mode"));
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

TEST_CASE("many attrs whose ids lie outside the file are one note") {
  oc::test::PerfDataWriter w;
  for (int i = 0; i < 300; ++i) w.add(plain_attr(), {1});
  w.records = three_records();
  auto bytes = w.bytes();
  for (size_t i = 0; i < 300; ++i) poke<uint64_t>(bytes, 104 + i * 152 + 136, 1ull << 60);
  CHECK(open(bytes).notes().size() == 1);
}

TEST_CASE("ids that claim more bytes than the file has are refused") {
  auto w = small_file();
  auto bytes = w.bytes();
  poke<uint64_t>(bytes, 104 + 144, 1ull << 40);
  CHECK(has(refusal(bytes).what, "ids"));
}

TEST_CASE("attrs that share one large block of ids do not multiply it in memory") {
  oc::test::PerfDataWriter w;
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
