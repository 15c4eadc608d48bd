// Random recordings, written by us, read by perf itself: the same events, in the same order, by threads of
// the same names.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"
#include "support/repeats.h"

using namespace oc::test;

namespace {

using Lines = std::vector<std::string>;

perf_event_attr sized_attr() {
  auto attr = plain_attr();
  attr.size = 128;  // perf 6.1 refuses more
  return attr;
}

/// Threads that come, go and change their names on four CPUs; rounds as perf record writes them.
class RecordedRun {
 public:
  explicit RecordedRun(uint32_t seed) : random_(seed) {}

  PerfDataWriter make() {
    const uint64_t half = 100;
    const bool has_rounds = random_() % 4 != 0;
    uint64_t begin = 1000;
    for (int round = 0; round < 10; ++round, begin += half) {
      for (uint32_t cpu = 0; cpu < 4; ++cpu) {
        std::vector<uint64_t> times(random_() % 12);
        for (uint64_t& time : times) time = begin + random_() % (2 * half);
        std::sort(times.begin(), times.end());
        for (const uint64_t time : times) add(time, cpu);
      }
      if (has_rounds) writer_.round();
    }
    PerfDataWriter file;
    file.add(sized_attr(), {1, 2}).add(sized_attr(), {3});
    file.attrs[1].attr.config = PERF_COUNT_SW_PAGE_FAULTS;
    file.attr_bytes = 128;
    file.records = writer_.bytes;
    return file;
  }

 private:
  int32_t some_tid() { return static_cast<int32_t>(random_() % 12); }

  void add(uint64_t time, uint32_t cpu) {
    const int32_t tid = some_tid(), other = some_tid();
    Fields at{.time = time, .id = 1 + random_() % 3, .pid = tid, .tid = tid, .cpu = cpu};
    const std::string name = "name" + std::to_string(random_() % 50);
    switch (tid == 0 ? 99 : random_() % 12) {
      case 0:
        writer_.comm(at, tid, tid, name);
        break;
      case 1:
        writer_.comm(at, tid, tid, name, true);
        break;
      case 2:
        if (other != 0) writer_.fork(at, tid, tid, other, other);
        break;
      case 3:
        writer_.exit(at, tid, tid);
        break;
      case 4:
        at.time = 0;
        writer_.comm(at, tid, tid, name);
        break;
      default:
        writer_.sample(at);
    }
  }

  std::mt19937 random_;
  RecordWriter writer_{sized_attr()};
};

/// "comm tid cpu time event", with times in ns.
Lines by_perf(const std::string& path) {
  const std::string command =
      "perf script --ns -F comm,tid,cpu,time,event -i " + path + " 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  const std::regex shape(R"(\s*(\S+)\s+(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+(\S+):\s*)");
  Lines lines;
  char text[512];
  while (std::fgets(text, sizeof text, pipe) != nullptr) {
    std::smatch match;
    const std::string line = text;
    if (line.find_first_not_of(" \n") == std::string::npos) continue;
    INFO(line);
    REQUIRE(std::regex_match(line, match, shape));
    lines.push_back(match[1].str() + " " + match[2].str() + " " +
                    std::to_string(std::stoul(match[3])) + " " +
                    std::to_string(std::stoull(match[4]) * 1'000'000'000 + std::stoull(match[5])) +
                    " " + match[6].str());
  }
  pclose(pipe);
  return lines;
}

Lines by_us(const std::string& path) {
  oc::session::Session session;
  REQUIRE(session.open_file(path));
  for (uint32_t kind = oc::event::kKernelRecords; kind < session.kinds().count(); ++kind)
    session.kinds().want(kind);
  REQUIRE(session.start({}));
  Lines lines;
  for (;;) {
    const auto batch = session.next(std::chrono::milliseconds(0));
    REQUIRE(batch);
    if (*batch == nullptr) return lines;
    const double start = static_cast<double>((*batch)->counts.start_time);
    for (uint32_t i = 0; i < (*batch)->count; ++i) {
      const oc_event& event = (*batch)->events[i];
      lines.push_back(std::string(session.model().strings.text({event.comm})) + " " +
                      std::to_string(event.tid) + " " + std::to_string(event.cpu) + " " +
                      std::to_string(static_cast<uint64_t>(event.time + start)) + " " +
                      std::string(session.kinds().name(event.event)));
    }
  }
}

}  // namespace

TEST_CASE("perf script tells the same of random recordings: order, names, CPUs") {
  if (std::system("perf --version >/dev/null 2>&1") != 0) {
    WARN("skipped: perf is not installed");
    return;
  }
  size_t events = 0;
  for (uint32_t seed = 1; seed <= static_cast<uint32_t>(oc::test::repeats(6)); ++seed) {
    INFO("seed " << seed);
    const TempFile file(RecordedRun(seed).make().bytes());
    const Lines expected = by_perf(file.path());
    REQUIRE_FALSE(expected.empty());
    const Lines got = by_us(file.path());
    REQUIRE(got.size() == expected.size());
    for (size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == expected[i]);
    events += got.size();
  }
  CHECK(events > 400);
}
