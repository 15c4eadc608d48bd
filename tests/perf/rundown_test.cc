#include "perf/rundown.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string_view>

#include "base/bytes.h"

using namespace oc::perf;
using oc::base::load;

namespace {

struct Record {
  uint32_t type;
  uint16_t misc;
  std::span<const uint8_t> body;  ///< without its trailer
};

std::vector<Record> records_of(std::span<const uint8_t> bytes, size_t trailer) {
  std::vector<Record> records;
  while (!bytes.empty()) {
    const auto size = load<uint16_t>(bytes.data() + 6);
    REQUIRE(size % 8 == 0);
    REQUIRE(size >= 8 + trailer);
    REQUIRE(size <= bytes.size());
    records.push_back({load<uint32_t>(bytes.data()), load<uint16_t>(bytes.data() + 4),
                       bytes.subspan(8, size - 8 - trailer)});
    bytes = bytes.subspan(size);
  }
  return records;
}

}  // namespace

TEST_CASE("a line of maps is taken apart, or refused") {
  MapsLine line;
  REQUIRE(parse_maps_line(
      "7f80-7f90 r-xp 00001000 fe:01 248030                     /usr/bin/a b (deleted)", line));
  CHECK(line.start == 0x7f80);
  CHECK(line.end == 0x7f90);
  CHECK(line.prot == (PROT_READ | PROT_EXEC));
  CHECK(line.flags == MAP_PRIVATE);
  CHECK(line.offset == 0x1000);
  CHECK(line.major == 0xfe);
  CHECK(line.minor == 1);
  CHECK(line.inode == 248030);
  CHECK(line.path == "/usr/bin/a b (deleted)");
  REQUIRE(parse_maps_line("7f80-7f90 rw-s 00000000 00:00 0 ", line));
  CHECK(line.path.empty());
  CHECK(line.flags == MAP_SHARED);
  REQUIRE(parse_maps_line("7f80-7f90 rw-p 00000000 00:00 0", line));
  for (const char* bad : {"", "7f80", "7f80-7f90", "7f80-7f90 rw", "x-y rwxp 0 0:0 0",
                          "7f80-7f90 r-xp 00001000 fe", "7f80-7f90 r-xp 00001000 fe:01 x"})
    CHECK(!parse_maps_line(bad, line));
}

TEST_CASE("this process: who it is, and the files of its code with their build ids") {
  SidebandExtras extras;
  extras.build_ids = extras.namespaces = true;
  Rundown rundown(48, extras);
  oc::base::ByteSink sink;
  rundown.add_thread({getpid(), getpid(), "me"}, sink);
  const auto records = records_of(sink.bytes(), 48);
  REQUIRE(records.size() > 4);
  CHECK(records[0].type == PERF_RECORD_FORK);
  CHECK(load<int32_t>(records[0].body.data() + 4) == getppid());
  CHECK(records[1].type == PERF_RECORD_COMM);
  CHECK(records[2].type == PERF_RECORD_NAMESPACES);
  CHECK(load<uint64_t>(records[2].body.data() + 8) == 7);
  bool has_self = false;
  char self[4096];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  for (const Record& record : records) {
    if (record.type != PERF_RECORD_MMAP2) continue;
    CHECK((load<uint32_t>(record.body.data() + 56) & PROT_EXEC) != 0);
    const auto name = oc::base::bounded_text(record.body.data() + 64, record.body.size() - 64);
    if (name != std::string_view(self, static_cast<size_t>(size))) continue;
    has_self = true;
    CHECK((record.misc & 1 << 14) != 0);
    CHECK(record.body[32] == 20);
  }
  CHECK(has_self);
}

TEST_CASE("a thread that has gone leaves nothing") {
  Rundown rundown(48, {});
  oc::base::ByteSink sink;
  rundown.add_thread({1 << 22, 1 << 22, ""}, sink);
  CHECK(sink.size() == 0);
}

TEST_CASE("the vDSO of a 32-bit process does not get the build id of ours") {
  Rundown rundown(48, {});
  MapsLine line;
  REQUIRE(parse_maps_line("f7fc4000-f7fc6000 r-xp 00000000 00:00 0 [vdso]", line));
  CHECK(rundown.files().find(getpid(), line) == nullptr);
  REQUIRE(parse_maps_line("7ffc02dfe000-7ffc02e00000 r-xp 00000000 00:00 0 [vdso]", line));
  const MappedFile* ours = rundown.files().find(getpid(), line);
  REQUIRE(ours != nullptr);
  CHECK(ours->path == "[vdso]");
}
