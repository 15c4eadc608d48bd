#include "process/task_log.h"

#include <catch2/catch.hpp>
#include <thread>

using oc::process::TaskLog;

TEST_CASE("what was taken is gone, what was added since comes in order") {
  TaskLog log;
  const uint64_t empty = log.size_bytes();
  int32_t next = 0;
  for (int32_t round = 0; round < 50; ++round) {
    log.set_time(static_cast<uint64_t>(round));
    for (int32_t i = 0; i < 1000; ++i) {
      TaskLog::Entry entry;
      entry.pid = round * 1000 + i;
      log.add(entry);
    }
    log.take([&](const TaskLog::Entry& entry) {
      REQUIRE(entry.pid == next++);
      REQUIRE(entry.time == static_cast<uint64_t>(round));
    });
    REQUIRE(log.size_bytes() == empty);  // 50,000 entries are not kept
  }
  CHECK(next == 50000);
  log.take([](const TaskLog::Entry&) { FAIL("it was taken before"); });
}

TEST_CASE("one thread adds while another takes") {
  constexpr int32_t kEntries = 200000;
  TaskLog log;
  std::thread writer([&] {
    for (int32_t i = 0; i < kEntries; ++i) {
      TaskLog::Entry entry;
      entry.pid = entry.tid = i;
      log.add(entry);
    }
  });
  int32_t next = 0;
  bool is_whole = true;
  while (next < kEntries) {
    log.take([&](const TaskLog::Entry& entry) {
      is_whole = is_whole && entry.pid == next && entry.tid == next;
      ++next;
    });
  }
  writer.join();
  CHECK(is_whole);
  CHECK(next == kEntries);
}

TEST_CASE("what nobody takes is freed with the log") {
  TaskLog log;
  for (int i = 0; i < 1000; ++i) log.add({});
  CHECK(log.size_bytes() >= 1000 * sizeof(TaskLog::Entry));
}
