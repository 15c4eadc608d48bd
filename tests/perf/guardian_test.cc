#include "perf/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

using oc::base::Fd;
using oc::perf::Guardian;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  /// Whether every writer is closed within `ms`.
  bool is_closed_within(int ms) const {
    pollfd wait{reader.number(), POLLIN, 0};
    return poll(&wait, 1, ms) == 1 && (wait.revents & POLLHUP) != 0;
  }
  Fd reader;
  Fd writer;
};

std::string comm_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string comm;
  std::getline(file, comm);
  return comm;
}

/// A guardian that alone holds the pipe's writing end.
Guardian guardian_of(Pipe& pipe) {
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  const int fd = pipe.writer.number();
  REQUIRE(guardian->keep({&fd, 1}));
  pipe.writer.close();
  return std::move(*guardian);
}

}  // namespace

TEST_CASE("the guardian holds what it was given until its owner goes") {
  Pipe pipe;
  {
    const auto guardian = guardian_of(pipe);
    CHECK(!pipe.is_closed_within(150));
  }
  CHECK(pipe.is_closed_within(5000));
}

TEST_CASE("the guardian keeps no descriptor that it was not given") {
  Pipe pipe;
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  pipe.writer.close();
  CHECK(pipe.is_closed_within(5000));
}

TEST_CASE("hundreds of descriptors travel in batches") {
  std::vector<Pipe> pipes(1);
  std::vector<Fd> copies;
  std::vector<int> fds;
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  for (int i = 0; i < 600; ++i) {
    copies.emplace_back(fcntl(pipes[0].writer.number(), F_DUPFD_CLOEXEC, 0));
    REQUIRE(copies.back());
    fds.push_back(copies.back().number());
  }
  REQUIRE(guardian->keep(fds));
  copies.clear();
  pipes[0].writer.close();
  CHECK(!pipes[0].is_closed_within(50));
  *guardian = Guardian();
  CHECK(pipes[0].is_closed_within(5000));
}

TEST_CASE("what is let go of is closed at once, what comes later is held") {
  Pipe before;
  Pipe after;
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  const int first = before.writer.number();
  REQUIRE(guardian->keep({&first, 1}));
  REQUIRE(guardian->release());
  before.writer.close();
  const int second = after.writer.number();
  REQUIRE(guardian->keep({&second, 1}));
  after.writer.close();
  CHECK(before.is_closed_within(5000));
  CHECK(!after.is_closed_within(50));
  *guardian = Guardian();
  CHECK(after.is_closed_within(5000));
}

TEST_CASE("the guardian is named, lives in a session of its own and is no child of ours") {
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  CHECK(comm_of(guardian->pid()) == "oc-guardian");
  CHECK(getsid(guardian->pid()) == guardian->pid());
  CHECK(waitpid(guardian->pid(), nullptr, WNOHANG) == -1);
}

TEST_CASE("signals of the terminal do not end the guardian") {
  Pipe pipe;
  const auto guardian = guardian_of(pipe);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) kill(guardian.pid(), number);
  CHECK(!pipe.is_closed_within(100));
}

TEST_CASE("a guardian that was killed is an error, not a signal") {
  auto guardian = Guardian::start();
  REQUIRE(guardian);
  Pipe pipe;
  const int fd = pipe.writer.number();
  REQUIRE(guardian->keep({&fd, 1}));
  kill(guardian->pid(), SIGKILL);
  pipe.writer.close();
  REQUIRE(pipe.is_closed_within(5000));
  // The kernel closes a dead process's descriptors in an order of its own: the socket comes soon.
  const int other = pipe.reader.number();
  auto kept = guardian->keep({&other, 1});
  for (int i = 0; i < 1000 && kept; ++i) {
    usleep(1000);
    kept = guardian->keep({&other, 1});
  }
  REQUIRE(!kept);
  CHECK(kept.error().what.find("guardian") != std::string::npos);
}

TEST_CASE("without a guardian keeping does nothing") {
  Guardian none;
  const int fd = 0;
  CHECK(!none);
  CHECK(none.keep({&fd, 1}));
  CHECK(none.release());
}
