#include "sys/proc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/fd.h"

using namespace oc::sys;

namespace {

/// A folder that looks like /proc.
class FakeProc {
 public:
  FakeProc() {
    char name[] = "/tmp/oc-proc-XXXXXX";
    path = mkdtemp(name);
  }
  ~FakeProc() { std::filesystem::remove_all(path); }
  void add(int pid, int tid, const std::string& comm) const {
    const auto folder = path + "/" + std::to_string(pid) + "/task/" + std::to_string(tid);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/comm") << comm << "\n";
  }
  std::string path;
};

}  // namespace

TEST_CASE("threads are listed by tid with process and name") {
  FakeProc proc;
  proc.add(20, 20, "server");
  proc.add(20, 21, "worker one");
  proc.add(7, 7, "kworker/u8:2-events_unbound");
  std::filesystem::create_directories(proc.path + "/irq");
  std::filesystem::create_directories(proc.path + "/30/task");
  const ThreadScan scan = scan_threads(proc.path);
  CHECK(scan.is_settled);
  CHECK(scan.scans == 2);
  REQUIRE(scan.threads.size() == 3);
  CHECK(scan.threads[0].comm == "kworker/u8:2-ev");
  CHECK(scan.threads[1].comm == "server");
  CHECK(scan.threads[2].pid == 20);
  CHECK(scan.threads[2].tid == 21);
  CHECK(scan.threads[2].comm == "worker one");
}

TEST_CASE("a thread without a readable name has gone") {
  FakeProc proc;
  std::filesystem::create_directories(proc.path + "/5/task/5");
  CHECK(scan_threads(proc.path).threads.empty());
  CHECK(load_thread(5, 5, proc.path).comm.empty());
  CHECK(load_thread(5, proc.path).pid == 0);
}

TEST_CASE("a thread that ends between two walks is told") {
  FakeProc proc;
  proc.add(5, 5, "lasts");
  const std::string task = proc.path + "/6/task/6";
  std::filesystem::create_directories(task);
  REQUIRE(mkfifo((task + "/comm").c_str(), 0600) == 0);
  std::thread ends([&] {  // when its name is asked for
    const oc::base::Fd name(open((task + "/comm").c_str(), O_WRONLY | O_CLOEXEC));
    std::filesystem::remove_all(proc.path + "/6");
    CHECK(write(name.number(), "ends\n", 5) == 5);
  });
  const ThreadScan scan = scan_threads(proc.path);
  ends.join();
  REQUIRE(scan.threads.size() == 2);
  CHECK(scan.threads[1].comm == "ends");
  CHECK(scan.scans == 3);
}

TEST_CASE("a missing /proc yields nothing") { CHECK(scan_threads("/nonexistent").scans == 0); }

TEST_CASE("this thread is found in the real /proc") {
  const ThreadScan scan = scan_threads();
  const auto self = std::find_if(scan.threads.begin(), scan.threads.end(),
                                 [](const ThreadInfo& thread) { return thread.tid == gettid(); });
  REQUIRE(self != scan.threads.end());
  CHECK(self->pid == getpid());
  CHECK(self->comm == load_thread(getpid(), gettid()).comm);
  CHECK(load_thread(gettid()).pid == getpid());
  CHECK(load_thread(gettid()).comm == self->comm);
  CHECK(!self->comm.empty());
}
