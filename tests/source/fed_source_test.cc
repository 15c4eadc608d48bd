#include "source/fed_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "event/record_text.h"
#include "source/record.h"

using namespace oc;
using source::FedOrigin;
using source::FedSource;
using source::Round;

namespace {

constexpr std::chrono::milliseconds kNow{0};

event::EventKind kind(const char* name, uint64_t sample_type = 0) {
  event::EventKind kind{};
  kind.name = name;
  kind.attr.sample_type = sample_type;
  kind.format.emplace();
  kind.format->name = name;
  return kind;
}

FedOrigin at(base::Nanos time, int32_t tid = 7, std::string_view comm = {}) {
  return {time, 1, 5, tid, comm};
}

/// "sample 10" and "comm 10 name" of all records of a round.
std::vector<std::string> told(FedSource& fed, Round& round) {
  const source::RecordClock clock(fed.events());
  std::vector<std::string> out;
  for (const auto& span : round.spans) {
    for (const uint8_t* at = span.begin; at < span.end;) {
      const auto header = source::record_header(at);
      REQUIRE(header.size_bytes >= 8);
      REQUIRE(header.size_bytes % 8 == 0);
      REQUIRE(at + header.size_bytes <= span.end);
      std::string text = header.type == PERF_RECORD_SAMPLE ? "sample"
                         : header.type == PERF_RECORD_COMM ? "comm"
                                                           : "type" + std::to_string(header.type);
      text += " " + std::to_string(clock.time(at, header));
      if (header.type == PERF_RECORD_COMM)
        text += " " + std::string(base::bounded_text(at + 16, header.size_bytes - 16u));
      out.push_back(text);
      at += header.size_bytes;
    }
  }
  return out;
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("what may go is sorted, the rest waits for the round after") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  Round round;
  REQUIRE(fed.add_sample(0, at(30), {}));
  REQUIRE(fed.add_sample(0, at(10), {}));
  fed.finish_round();
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round).empty());
  REQUIRE(fed.add_sample(0, at(20), {}));
  REQUIRE(fed.add_sample(0, at(40), {}));
  fed.finish_round();
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round) == Told{"sample 10", "sample 20", "sample 30"});
  CHECK(round.horizon == 30);
  CHECK_FALSE(round.is_last);
  fed.end();
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round) == Told{"sample 40"});
  CHECK(round.is_last);
  CHECK(fed.pending_bytes() == 0);
}

TEST_CASE("a window holds records back that far") {
  FedSource fed("test", 15);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  Round round;
  for (const base::Nanos time : {10, 40, 20, 26}) {
    REQUIRE(fed.add_sample(0, at(time), {}));
    fed.finish_round();
  }
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round) == Told{"sample 10", "sample 20"});
}

TEST_CASE("a thread's name is told where it changes, in the order of time") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  REQUIRE(fed.add_sample(0, at(10, 7, "one"), {}));
  REQUIRE(fed.add_sample(0, at(30, 7, "one"), {}));
  REQUIRE(fed.add_sample(0, at(20, 7, "two"), {}));
  REQUIRE(fed.add_sample(0, at(40, 7), {}));
  fed.end();
  Round round;
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round) == Told{"comm 10 one", "sample 10", "comm 20 two", "sample 20",
                                 "comm 30 one", "sample 30", "sample 40"});
}

TEST_CASE("bytes are lent until they are released") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  Round first, second;
  for (const base::Nanos time : {1, 2}) {
    REQUIRE(fed.add_sample(0, at(time), {}));
    fed.finish_round();
  }
  REQUIRE(fed.next_round(kNow, first));
  REQUIRE(first.spans.size() == 1);
  fed.end();
  REQUIRE(fed.next_round(kNow, second));
  REQUIRE(second.spans.size() == 1);
  CHECK(told(fed, first) == Told{"sample 1"});
  const auto size = static_cast<uint64_t>(first.spans[0].end - first.spans[0].begin);
  CHECK(second.spans[0].position == first.spans[0].position + size);
  fed.release(0, size);
  CHECK(told(fed, second) == Told{"sample 2"});
}

TEST_CASE("payloads come out as they went in; those that fit no record are refused") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a", PERF_SAMPLE_IP));
  fed.add_kind(kind("b", PERF_SAMPLE_ADDR));
  fed.finish_kinds();
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3}, size_t{4}, size_t{5}, size_t{4096},
                            FedSource::kMaxPayload}) {
    const std::vector<uint8_t> bytes(size, 0xab);
    REQUIRE(fed.add_sample(1, at(5), {1, 2, 3, bytes}));
    fed.end();
    Round round;
    REQUIRE(fed.next_round(kNow, round));
    const uint8_t* record = round.spans.at(0).begin;
    const auto header = source::record_header(record);
    REQUIRE(record + header.size_bytes == round.spans[0].end);
    const auto& layout = fed.events()[1].layout;
    CHECK(base::load<uint64_t>(record + layout.addr) == 2);
    CHECK(base::load<uint64_t>(record + layout.period) == 3);
    const auto raw = base::load<uint32_t>(record + layout.raw);
    CHECK(raw >= size);
    CHECK(layout.raw + 4 + raw == header.size_bytes);
    for (size_t i = 0; i < raw; ++i) REQUIRE(record[layout.raw + 4 + i] == (i < size ? 0xab : 0));
  }
  const std::vector<uint8_t> too_long(FedSource::kMaxPayload + 1);
  const auto refused = fed.add_sample(0, at(5), {0, 0, 1, too_long});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("too long") != std::string::npos);
  CHECK_FALSE(fed.add_sample(2, at(5), {}));
}

TEST_CASE("too much at once is refused, not kept") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  const std::vector<uint8_t> bytes(FedSource::kMaxPayload);
  size_t taken = 0;
  while (taken < 10000 && fed.add_sample(0, at(5), {0, 0, 1, bytes})) ++taken;
  CHECK(taken > 1000);
  CHECK(taken < 10000);
  CHECK(fed.pending_bytes() <= FedSource::kMaxPending);
}

TEST_CASE("a record that waits through very many rounds costs nothing in them") {
  FedSource fed("test", 1'000'000'000);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  constexpr base::Nanos kRounds = 100'000;
  const std::vector<uint8_t> bytes(64);
  Round round;
  const auto begin = std::chrono::steady_clock::now();
  for (base::Nanos i = 1; i <= kRounds; ++i) {
    REQUIRE(fed.add_sample(0, at(i), {0, 0, 1, bytes}));
    fed.finish_round();
    REQUIRE(fed.next_round(kNow, round));
    REQUIRE(round.spans.empty());
  }
  // Looking at all that waits in each round takes minutes.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  fed.end();
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round).size() == kRounds);
  CHECK(fed.pending_bytes() == 0);
}

TEST_CASE("records that wait in many blocks come out in order, each with its own payload") {
  FedSource fed("test", 64);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  const auto raw = fed.events()[0].layout.raw;
  using Key = std::pair<base::Nanos, uint32_t>;  // when, and how many were before
  std::vector<Key> added, came;
  uint32_t random = 1;
  for (uint32_t i = 0; i <= 3000; ++i) {
    Round round;
    if (i < 3000) {
      random = random * 1664525 + 1013904223;
      std::vector<uint8_t> bytes(4 + (random >> 8) % 4000, static_cast<uint8_t>(i));
      std::memcpy(bytes.data(), &i, sizeof i);
      added.emplace_back(1000 + i + random % 64, i);
      REQUIRE(fed.add_sample(0, at(added.back().first), {0, 0, 1, bytes}));
      if (i % 7 != 0) continue;
      fed.finish_round();
    } else {
      fed.end();
    }
    REQUIRE(fed.next_round(kNow, round));
    for (const auto& span : round.spans) {
      for (const uint8_t* at = span.begin; at < span.end;
           at += source::record_header(at).size_bytes) {
        const auto number = base::load<uint32_t>(at + raw + 4);
        came.emplace_back(base::load<uint64_t>(at + fed.events()[0].layout.time), number);
        if (base::load<uint32_t>(at + raw) >= 16)
          CHECK(at[raw + 8] == static_cast<uint8_t>(number));
      }
      fed.release(0, span.position + static_cast<uint64_t>(span.end - span.begin));
    }
  }
  std::sort(added.begin(), added.end());
  CHECK(came == added);
  CHECK(fed.pending_bytes() == 0);
}

TEST_CASE("losses are records, and numbers by CPU and event") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  REQUIRE(fed.add_lost(at(10), 0, 5));
  REQUIRE(fed.add_lost(at(11), event::EventTable::kUnknown, 6));
  REQUIRE(fed.add_lost(at(12), 0, 7));
  fed.end();
  Round round;
  REQUIRE(fed.next_round(kNow, round));
  CHECK(told(fed, round) == Told{"type2 10", "type2 11", "type2 12"});
  const auto losses = fed.final_losses();
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].event == 0);
  CHECK(losses[0].records == 12);
  CHECK(losses[1].event == event::EventTable::kUnknown);
}

TEST_CASE("a stop ends the rounds, whatever waits") {
  FedSource fed("test", 0);
  fed.add_kind(kind("a"));
  fed.finish_kinds();
  REQUIRE(fed.add_sample(0, at(10), {}));
  fed.finish_round();
  fed.request_stop();
  Round round;
  REQUIRE(fed.next_round(kNow, round));
  CHECK(round.is_last);
}
