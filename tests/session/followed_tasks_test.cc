#include "session/followed_tasks.h"

#include <unistd.h>
#include <catch2/catch.hpp>

#include "support/record_writer.h"

using namespace oc::session;
using namespace oc::test;

namespace {

void learn(FollowedTasks& tasks, const RecordWriter& w) {
  oc::source::Span span;
  span.begin = w.bytes.data();
  span.end = w.bytes.data() + w.bytes.size();
  tasks.learn({&span, 1});
}

}  // namespace

TEST_CASE("who was started is followed until it ends, and only who lives is listed") {
  FollowedTasks tasks;
  const int32_t self = getpid();
  constexpr int32_t kNobody = 0x3fffff0;
  RecordWriter w(plain_attr());
  w.fork({.time = 1}, self, self, 1, 1).fork({.time = 2}, kNobody, kNobody, self, self);
  learn(tasks, w);
  const auto threads = tasks.list();
  REQUIRE(threads.size() == 1);
  CHECK(threads[0].tid == self);
  CHECK(!threads[0].comm.empty());
  RecordWriter end(plain_attr());
  end.exit({.time = 3}, self, self);
  learn(tasks, end);
  CHECK(tasks.list().empty());
  // A thread that executes a program takes over the id of the first.
  RecordWriter exec(plain_attr());
  exec.comm({.time = 4}, self, self, "new", true);
  learn(tasks, exec);
  CHECK(tasks.list().size() == 1);
  CHECK(tasks.is_whole());
}

TEST_CASE(
    "an exec by another thread is followed also where its CPU told before the one on which the "
    "first thread ended") {
  FollowedTasks tasks;
  const int32_t self = getpid();
  constexpr int32_t kNobody = 0x3fffff0;
  RecordWriter exec(plain_attr());
  exec.comm({.time = 4}, self, self, "new", true).fork({.time = 1}, kNobody, kNobody, self, self);
  RecordWriter end(plain_attr());
  end.exit({.time = 3}, self, self).exit({.time = 5}, kNobody, kNobody);
  oc::source::Span spans[2];
  for (int i = 0; i < 2; ++i) {
    const RecordWriter& w = i == 0 ? exec : end;
    spans[i].begin = w.bytes.data();
    spans[i].end = w.bytes.data() + w.bytes.size();
  }
  tasks.learn(spans);
  const auto threads = tasks.list();
  REQUIRE(threads.size() == 1);
  CHECK(threads[0].tid == self);
}

TEST_CASE("where sideband was lost nobody knows who is followed") {
  FollowedTasks tasks;
  RecordWriter w(plain_attr());
  w.lost({.time = 1}, 1, 7);
  learn(tasks, w);
  CHECK(!tasks.is_whole());
}
