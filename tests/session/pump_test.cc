#include "session/pump.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <map>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "support/fake_run.h"

using namespace oc::test;
using oc::session::Batch;
using oc::session::Pump;
using std::chrono::milliseconds;

namespace {

const perf_event_attr kPumpAttr = plain_attr();

/// The bytes of `rounds` rounds with `each` samples; times rise from 1. Most of the time of these cases goes into writing
/// them, so the same are written once.
const std::vector<ByteVector>& written_rounds(uint64_t rounds, uint64_t each) {
  static std::map<std::pair<uint64_t, uint64_t>, std::vector<ByteVector>> written;
  std::vector<ByteVector>& made = written[{rounds, each}];
  for (uint64_t time = 1; made.size() < rounds;) {
    RecordWriter w(kPumpAttr);
    for (uint64_t n = 0; n < each; ++n) w.sample({.time = time++, .id = 1});
    made.push_back(std::move(w.bytes));
  }
  return made;
}

/// A run of them.
std::unique_ptr<FakeRun> make_run(uint64_t rounds, uint64_t each, bool has_end = true) {
  auto run = std::make_unique<FakeRun>(make_table({{kPumpAttr, {1}}}));
  uint64_t time = 0;
  for (const ByteVector& bytes : written_rounds(rounds, each))
    run->source.round({{0, bytes}}, time += each);
  if (has_end) run->source.last();
  run->want_all();
  return run;
}

/// Runs `body` and fails the test, rather than hang, when it does not return.
template <typename Body>
void in_time(Body&& body) {
  auto done = std::async(std::launch::async, std::forward<Body>(body));
  if (done.wait_for(std::chrono::seconds(120)) != std::future_status::ready) {
    std::fputs("a pump did not end\n", stderr);
    std::abort();
  }
  done.get();
}

uint64_t drain(Pump& pump, uint64_t* batches = nullptr) {
  uint64_t events = 0;
  for (;;) {
    const auto batch = pump.next(milliseconds(0));
    REQUIRE(batch);
    if (*batch == nullptr) return events;
    events += (*batch)->count;
    if (batches != nullptr) ++*batches;
  }
}

}  // namespace

TEST_CASE("a decoder that runs ahead delivers everything in order, once") {
  for (const bool ahead : {false, true}) {
    const auto run = make_run(40, 1000);
    Pump pump(run->filling());
    if (ahead) pump.start_ahead();
    double last = -1;
    uint64_t events = 0;
    for (;;) {
      const auto batch = pump.next(milliseconds(0));
      REQUIRE(batch);
      if (*batch == nullptr) break;
      for (uint32_t i = 0; i < (*batch)->count; ++i) {
        REQUIRE((*batch)->events[i].time == last + 1);
        last = (*batch)->events[i].time;
      }
      events += (*batch)->count;
      REQUIRE((*batch)->counts.delivered == events);
    }
    CHECK(events == 40'000);
    CHECK(*pump.next(milliseconds(0)) == nullptr);  // and again
  }
}

TEST_CASE("a pump may go at any moment: never asked, between batches, while the decoder is busy") {
  for (int asked = 0; asked < 8; ++asked) {
    for (int wait_us : {0, 20, 300, 3000}) {
      in_time([&] {
        const auto run = make_run(100, 1000);
        Pump pump(run->filling());
        pump.start_ahead();
        for (int i = 0; i < asked; ++i) REQUIRE(pump.next(milliseconds(0)));
        std::this_thread::sleep_for(std::chrono::microseconds(wait_us));
      });
    }
  }
}

TEST_CASE("a pump may go while its decoder fills the very first batch") {
  in_time([] {
    const auto run = make_run(30, 1000);
    std::promise<void> inside;
    run->source.before_round = [&](size_t round) {
      if (round != 0) return;
      inside.set_value();
      std::this_thread::sleep_for(milliseconds(30));  // the destructor comes now
    };
    Pump pump(run->filling());
    pump.start_ahead();
    inside.get_future().wait();
  });
}

TEST_CASE("stopped in the middle, the batches that were filled are delivered and then the end") {
  in_time([] {
    const auto run = make_run(100, 8192);
    Pump pump(run->filling());
    pump.start_ahead();
    REQUIRE(pump.next(milliseconds(0)));
    pump.stop();
    uint64_t batches = 0;
    drain(pump, &batches);
    CHECK(batches <= 6);
  });
}

TEST_CASE("a pump that is finished ends, and its source is at rest") {
  in_time([] {
    const auto run = make_run(100, 8192);
    Pump pump(run->filling());
    pump.start_ahead();
    REQUIRE(pump.next(milliseconds(0)));
    pump.finish();
    const size_t taken = run->source.rounds_taken();
    CHECK(*pump.next(milliseconds(0)) == nullptr);
    std::this_thread::sleep_for(milliseconds(5));
    CHECK(run->source.rounds_taken() == taken);
    pump.finish();
  });
}

TEST_CASE("when a source fails, what came before is delivered, then the error, as often as asked") {
  for (const bool ahead : {false, true}) {
    const auto run = make_run(20, 1000, false);
    run->source.fail(oc::base::make_error(oc::base::Code::kSystem, "the disk is gone"));
    Pump pump(run->filling());
    if (ahead) pump.start_ahead();
    uint64_t events = 0, counted = 0;
    auto batch = pump.next(milliseconds(0));
    for (; batch && *batch != nullptr; batch = pump.next(milliseconds(0))) {
      events += (*batch)->count;
      CHECK((*batch)->counts.delivered >= counted);
      counted = (*batch)->counts.delivered;
    }
    CHECK(events == 20'000);
    CHECK(counted == 20'000);
    for (int i = 0; i < 2; ++i) {
      REQUIRE_FALSE(batch);
      CHECK(batch.error().what == "the disk is gone");
      batch = pump.next(milliseconds(0));
    }
  }
}

TEST_CASE("an exception in the decoder is an error of the run") {
  for (const bool ahead : {false, true}) {
    const auto run = make_run(2, 10);
    run->source.before_round = [](size_t round) {
      if (round == 1) throw std::bad_alloc();
    };
    Pump pump(run->filling());
    if (ahead) pump.start_ahead();
    const auto batch = pump.next(milliseconds(0));
    REQUIRE(batch);
    CHECK((*batch)->is_last);
    const auto after = pump.next(milliseconds(0));
    REQUIRE_FALSE(after);
    CHECK(after.error().what.find("cannot be read further") != std::string::npos);
  }
}

TEST_CASE("the decoder's thread is never chosen to handle a signal") {
  const auto run = make_run(1, 1);
  std::atomic<bool> int_is_blocked{false}, bus_is_blocked{true};
  run->source.before_round = [&](size_t) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    int_is_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGALRM) == 1;
    bus_is_blocked = sigismember(&mask, SIGBUS) == 1;
  };
  Pump pump(run->filling());
  pump.start_ahead();
  drain(pump);
  CHECK(int_is_blocked);
  CHECK_FALSE(bus_is_blocked);
}
