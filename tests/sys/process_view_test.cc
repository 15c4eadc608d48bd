#include "sys/process_view.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace oc::sys;

TEST_CASE("a process's id in its namespace is the last of the line") {
  CHECK(parse_namespace_pid("Name:\tsh\nNSpid:\t4711\t7\nNSpgid:\t1\n") == 7);
  CHECK(parse_namespace_pid("Name:\tsh\nNSpid:\t4711\n") == 4711);
  CHECK(load_namespace_pid(getpid()) > 0);
  for (const char* damaged :
       {"", "\nNSpid:", "\nNSpid:\n", "\nNSpid:\tx\n", "\nNSpid:\t-4\n", "\nNSpid:\t99999999999\n"})
    CHECK(parse_namespace_pid(damaged) == 0);
  CHECK(load_namespace_pid(0x7ffffff0) == 0);
}

namespace {

std::string read_all(int fd) {
  char text[64];
  const ssize_t size = read(fd, text, sizeof text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

/// A child whose root is `root`; killed at the end.
class Rooted {
 public:
  explicit Rooted(const std::string& root) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      const bool done = chroot(root.c_str()) == 0 && chdir("/") == 0;
      const char byte = done ? 'y' : 'n';
      if (write(ready[1], &byte, 1) == 1) pause();
      _exit(0);
    }
    char byte = 'n';
    is_there_ = read(ready[0], &byte, 1) == 1 && byte == 'y';
    close(ready[0]);
    close(ready[1]);
  }
  ~Rooted() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Rooted(const Rooted&) = delete;
  Rooted& operator=(const Rooted&) = delete;
  pid_t pid() const { return pid_; }
  bool is_there() const { return is_there_; }

 private:
  pid_t pid_ = 0;
  bool is_there_ = false;
};

}  // namespace

TEST_CASE("a file is opened as its process sees it, and links stay inside") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("oc-root-" + std::to_string(getpid()));
  const auto secret =
      std::filesystem::temp_directory_path() / ("oc-secret-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder / "etc");
  std::ofstream(secret) << "outside";
  std::ofstream(folder / "etc/name") << "inside";
  std::filesystem::create_symlink("/etc/name", folder / "link");
  std::filesystem::create_symlink(secret, folder / "out");
  std::filesystem::create_symlink("../../../../.." + secret.string(), folder / "up");
  {
    const Rooted child(folder);
    if (child.is_there()) {
      for (const char* path : {"/etc/name", "etc/name", "/link", "/../etc/name"}) {
        INFO(path);
        const auto file = open_as_seen_by(child.pid(), path);
        REQUIRE(file);
        CHECK(read_all(file->number()) == "inside");
      }
      for (const char* path : {"/out", "/up", "/etc/none"})
        CHECK(!open_as_seen_by(child.pid(), path));
    } else {
      std::printf("skipped: chroot is refused here\n");
    }
  }
  const auto own = open_as_seen_by(getpid(), secret);
  REQUIRE(own);
  CHECK(read_all(own->number()) == "outside");
  CHECK(!open_as_seen_by(0x7ffffff0, "/etc/passwd"));
  std::filesystem::remove_all(folder);
  std::filesystem::remove(secret);
}
