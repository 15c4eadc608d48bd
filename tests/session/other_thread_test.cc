#include "session/other_thread.h"

#include <catch2/catch.hpp>

using namespace oc;

namespace {

event::EventKind kind_of(const std::string& name, const std::string& fields) {
  auto format = event::parse_format("name: " + name + "\nID: 7\nformat:\n" + fields, "sched");
  REQUIRE(format);
  event::EventKind kind{};
  kind.format = std::move(*format);
  return kind;
}

std::string field(const std::string& declared, int offset, int size) {
  return "\tfield:" + declared + ";\toffset:" + std::to_string(offset) +
         ";\tsize:" + std::to_string(size) + ";\tsigned:1;\n";
}

}  // namespace

TEST_CASE("events of the scheduler name another thread") {
  const auto switched =
      kind_of("sched_switch", field("pid_t prev_pid", 24, 4) + field("pid_t next_pid", 56, 4));
  CHECK(session::other_thread_at(switched) == 56);
  CHECK(session::leaving_thread_at(switched) == 24);
  CHECK(session::woken_thread_at(switched) == event::kAbsent);
  const auto woken = kind_of("sched_wakeup", field("pid_t pid", 24, 4));
  CHECK(session::other_thread_at(woken) == 24);
  CHECK(session::woken_thread_at(woken) == 24);
  CHECK(session::leaving_thread_at(woken) == event::kAbsent);
}

TEST_CASE("what a recording declares otherwise is not read as a thread") {
  CHECK(session::woken_thread_at(kind_of("sched_wakeup", field("short pid", 24, 2))) ==
        event::kAbsent);
  CHECK(session::woken_thread_at(kind_of("sched_wakeup", field("char pid[4]", 24, 4))) ==
        event::kAbsent);
  CHECK(session::woken_thread_at(kind_of("sched_process_exit", field("pid_t pid", 24, 4))) ==
        event::kAbsent);
  CHECK(session::other_thread_at(event::EventKind{}) == event::kAbsent);
}
