// Every file that others recorded, or damaged, is read to its end: no crash, no hang.

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>

#include "source/recorded_trace.h"
#include "support/corpus.h"
#include "support/exercise_trace.h"

using namespace oc::test;

TEST_CASE("every perf.data file of the corpus is read to its end or refused, in time") {
  using Clock = std::chrono::steady_clock;
  size_t files = 0, read = 0;
  for (const char* folder : {"quipper", "hotspot", "perfparser", "simpleperf", "linux-perf-data"}) {
    const auto root = corpus(folder);
    if (root.empty()) {
      WARN("skipped: no corpus folder " << folder << " (set OC_CORPUS)");
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().string();
      INFO(path);
      const auto begin = Clock::now();
      ++files;
      if (auto trace = oc::source::RecordedTrace::open(path)) {
        ++read;
        exercise(**trace);
      } else {
        CHECK(trace.error().what.find(path) != std::string::npos);
      }
      CHECK(Clock::now() - begin < std::chrono::seconds(10));
    }
  }
  if (files > 0) {
    CHECK(read >= 40);
    WARN(files << " files, " << read << " of them read to their end");
  }
}
