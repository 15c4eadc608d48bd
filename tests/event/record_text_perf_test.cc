#include <linux/perf_event.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "event/record_text.h"
#include "event/sample_layout.h"
#include "support/corpus.h"

// Compares append_text with `perf script` on events whose print fmt is "name=value ..." of their
// fields.

namespace fs = std::filesystem;
using oc::base::load;

namespace {

using Lines = std::vector<std::string>;

/// The output of `perf script -F trace`, one event a line.
Lines perf_lines(const std::string& text) {
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    lines.push_back(line.substr(begin, line.find_last_not_of(' ') - begin + 1));
  }
  return lines;
}

/// The raw payloads in a perf.data file with one attr and no call chains, printed by `format`.
Lines our_lines(const std::string& file, const oc::event::EventFormat& format) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(file.data());
  const auto number = [&](size_t at) { return load<uint64_t>(bytes + at); };
  perf_event_attr attr{};
  std::memcpy(&attr, bytes + number(24), std::min<size_t>(sizeof attr, number(16) - 16));
  const auto layout = oc::event::make_layout(attr);
  REQUIRE(layout.raw != oc::event::kAbsent);
  Lines lines;
  const size_t end = number(40) + number(48);
  for (size_t at = number(40); at + sizeof(perf_event_header) <= end;) {
    const auto header = load<perf_event_header>(bytes + at);
    REQUIRE(header.size >= sizeof header);
    if (header.type == PERF_RECORD_SAMPLE) {
      const size_t size = load<uint32_t>(bytes + at + layout.raw);
      lines.emplace_back();
      oc::event::append_text(format, {bytes + at + layout.raw + 4, size}, lines.back());
    }
    at += header.size;
  }
  return lines;
}

}  // namespace

TEST_CASE("records are printed as perf script prints them") {
  const std::string path =
      (fs::temp_directory_path() / ("oc_record_text_" + std::to_string(getpid()))).string();
  struct Source {
    const char* format;
    const char* event;
  };
  const Source sources[] = {{"sched/sched_process_exec", "sched:sched_process_exec"},
                            {"timer/hrtimer_cancel", "timer:hrtimer_cancel"}};
  for (const Source& source : sources) {
    INFO(source.event);
    const std::string record = std::string("perf record -q -e ") + source.event + " -o " + path +
                               " -- sh -c 'timeout 5 ls /; true' >" + path + ".txt 2>&1";
    // Lines without names of threads and times: the text of the event alone.
    const std::string script = "perf script -F trace -i " + path + " >" + path + ".txt 2>/dev/null";
    const bool recorded = std::system(record.c_str()) == 0 && std::system(script.c_str()) == 0;
    const std::string file = oc::test::read_text(path);
    Lines expected = perf_lines(oc::test::read_text(path + ".txt"));
    const std::string text =
        oc::test::read_text("/sys/kernel/tracing/events/" + std::string(source.format) + "/format");
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(path + ".txt", ignored);
    if (!recorded || expected.empty() || text.empty()) {
      WARN("skipped: cannot record " << source.event << " with perf here");
      continue;
    }
    const auto format = oc::event::parse_format(text, "test");
    REQUIRE(format);
    // perf prints in order of time; here the records are in the order of the file, CPU by CPU.
    Lines ours = our_lines(file, *format);
    std::sort(ours.begin(), ours.end());
    std::sort(expected.begin(), expected.end());
    CHECK(ours == expected);
  }
}
