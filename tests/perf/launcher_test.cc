#include "perf/launcher.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

using namespace oc::perf;

namespace {

int run(const std::vector<std::string>& command) {
  auto launcher = Launcher::prepare(command);
  REQUIRE(launcher);
  CHECK(launcher->is_running());
  REQUIRE(launcher->release());
  for (int i = 0; i < 500 && launcher->is_running(); ++i) {
    launcher->poll();
    usleep(10000);
  }
  REQUIRE(launcher->status());
  return *launcher->status();
}

/// A file in a folder of its own, removed at the end.
struct Script {
  explicit Script(const std::string& text, mode_t mode) {
    char name[] = "/tmp/oc-launcher-XXXXXX";
    folder = mkdtemp(name);
    path = folder + "/script";
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
  }
  ~Script() {
    unlink(path.c_str());
    rmdir(folder.c_str());
  }
  std::string folder;
  std::string path;
};

}  // namespace

TEST_CASE("a program is found by PATH or taken by its path") {
  CHECK(find_program("sh"));
  CHECK(*find_program("/bin/sh") == "/bin/sh");
  const auto missing = find_program("oc-no-such-program");
  REQUIRE(!missing);
  CHECK(missing.error().what == "cannot run 'oc-no-such-program': No such file or directory");
  CHECK(find_program("/etc/passwd").error().what == "cannot run '/etc/passwd': Permission denied");
  CHECK(find_program("/tmp").error().what == "cannot run '/tmp': Permission denied");
  CHECK(!find_program(""));
}

TEST_CASE("a command's exit status and its signal are told") {
  CHECK(WEXITSTATUS(run({"sh", "-c", "exit 7"})) == 7);
  const int status = run({"sh", "-c", "kill -TERM $$"});
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("a command starts with default signals and an empty mask") {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  signal(SIGPIPE, SIG_IGN);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int status = run({"sh", "-c", "kill -PIPE $$"});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  CHECK(WIFSIGNALED(status));
}

TEST_CASE("a script without an interpreter line runs in the shell") {
  const Script script("exit $#\n", 0755);
  CHECK(WEXITSTATUS(run({script.path, "a", "b"})) == 2);
}

TEST_CASE("an exec that fails is an error with the reason") {
  const Script script("#!/nonexistent/interpreter\n", 0755);
  auto launcher = Launcher::prepare({script.path});
  REQUIRE(launcher);
  const auto released = launcher->release();
  REQUIRE(!released);
  CHECK(released.error().what == "cannot run '" + script.path + "': No such file or directory");
  CHECK(!launcher->is_running());
}

TEST_CASE("a command that was never let go ends with its launcher") {
  pid_t pid = 0;
  {
    auto launcher = Launcher::prepare({"sleep", "100"});
    REQUIRE(launcher);
    pid = launcher->pid();
    CHECK(kill(pid, 0) == 0);
  }
  CHECK(kill(pid, 0) != 0);
}

TEST_CASE("a child that was killed while it waited is an error, not a signal") {
  auto launcher = Launcher::prepare({"true"});
  REQUIRE(launcher);
  kill(launcher->pid(), SIGKILL);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(launcher->pid()), &info, WEXITED | WNOWAIT);
  CHECK(!launcher->release());
}

TEST_CASE(
    "a command beside a prompt has a group of its own, reads nothing, and its group is told to "
    "end") {
  constexpr const char* kText =
      "read line; test -z \"$line\" || exit 3; sleep 60 & echo >\"$0\"; wait; exit 4";
  const Script ready("", 0600);
  unlink(ready.path.c_str());
  auto launcher = Launcher::prepare({"sh", "-c", kText, ready.path}, {false, true});
  REQUIRE(launcher);
  REQUIRE(launcher->release());
  CHECK(getpgid(launcher->pid()) == launcher->pid());
  CHECK(getpgid(0) != launcher->pid());
  for (int i = 0; i < 3000 && access(ready.path.c_str(), F_OK) != 0; ++i) usleep(10000);
  CHECK(launcher->terminate());
  CHECK(launcher->await(std::chrono::seconds(30)));
  REQUIRE(launcher->status());
  CHECK(WIFSIGNALED(*launcher->status()));
  for (int i = 0; i < 3000 && kill(-launcher->pid(), 0) == 0; ++i) usleep(10000);
  CHECK(kill(-launcher->pid(), 0) != 0);
}

TEST_CASE("a command that runs longer than the run is told to end") {
  auto launcher = Launcher::prepare({"sleep", "60"});
  REQUIRE(launcher);
  CHECK(!launcher->terminate());  // it has not begun: it ends with the Launcher
  REQUIRE(launcher->release());
  CHECK(!launcher->await(std::chrono::milliseconds(10)));
  CHECK(launcher->terminate());
  CHECK(launcher->await(std::chrono::seconds(5)));
  REQUIRE(launcher->status());
  CHECK(WTERMSIG(*launcher->status()) == SIGTERM);
  CHECK(!launcher->terminate());
}
