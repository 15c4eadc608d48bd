#include "perf/task_ledger.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>

using namespace oc::perf;

namespace {
constexpr oc::base::Nanos kMs = 1'000'000;
}

TEST_CASE("who was started by an attached thread has its events, whoever else was seen has not") {
  TaskLedger ledger;
  ledger.attached(7, 10 * kMs, 11 * kMs, true);
  ledger.heard({{20 * kMs, 9, 7}, {21 * kMs, 10, 9}});
  CHECK(ledger.missing({7, 8, 9, 10}) == std::vector<int32_t>{8});
  CHECK(!ledger.is_doubtful());
}

TEST_CASE("a thread that started while its parent was attached to is doubtful") {
  TaskLedger ledger;
  ledger.attached(7, 10 * kMs, 12 * kMs, true);
  ledger.heard({{11 * kMs, 9, 7}});
  CHECK(ledger.is_doubtful());
}

TEST_CASE("a clone tells of itself some time after it happened") {
  TaskLedger ledger;
  ledger.attached(7, 10 * kMs, 12 * kMs, true);
  ledger.heard({{12 * kMs + 1000, 9, 7}});
  CHECK(ledger.is_doubtful());
}

TEST_CASE("threads that are traced alone pass nothing on") {
  TaskLedger ledger;
  ledger.attached(7, 10 * kMs, 11 * kMs, false);
  ledger.heard({{20 * kMs, 9, 7}});
  CHECK(ledger.missing({9}) == std::vector<int32_t>{9});
}

TEST_CASE("one that ended while it was attached to is not tried again") {
  TaskLedger ledger;
  ledger.gone(5);
  CHECK(ledger.missing({5, 6}) == std::vector<int32_t>{6});
}

TEST_CASE("fork records are found among others, and damaged ends are left alone") {
  std::vector<uint8_t> bytes;
  const auto put = [&](auto value) {
    const auto* from = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
  };
  const auto header = [&](uint32_t type, uint16_t size) {
    put(type);
    put(uint16_t{0});
    put(size);
  };
  header(PERF_RECORD_COMM, 24);
  put(uint64_t{101} << 32 | 100);
  put(uint64_t{0x6b726f77});  // "work"
  header(PERF_RECORD_FORK, 32);
  for (const int32_t word : {100, 100, 101, 100}) put(word);
  put(uint64_t{77});
  header(PERF_RECORD_FORK, 4000);  // longer than what is there
  oc::source::Span span;
  span.begin = bytes.data();
  span.end = bytes.data() + bytes.size();
  std::vector<Fork> forks;
  find_forks({&span, 1}, forks);
  REQUIRE(forks.size() == 1);
  CHECK(forks[0].tid == 101);
  CHECK(forks[0].pid == 100);
  CHECK(forks[0].parent_tid == 100);
  CHECK(forks[0].time == 77);
  std::map<int32_t, std::string> names;
  find_names({&span, 1}, names);
  CHECK(names == std::map<int32_t, std::string>{{101, "work"}});
}
