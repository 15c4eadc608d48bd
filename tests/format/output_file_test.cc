#include "format/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using oc::format::OutputFile;

namespace {

namespace fs = std::filesystem;

/// A folder of its own, gone at the end.
struct OutputFolder {
  std::string path;
  OutputFolder() {
    std::string name = (fs::temp_directory_path() / "oc-output-XXXXXX").string();
    path = mkdtemp(name.data()) == nullptr ? "" : name;
  }
  ~OutputFolder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
  size_t files() const {
    const fs::directory_iterator all(path);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
};

std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

/// What a process that does this ends with; a signal counts as 128 and its number.
template <typename Do>
int in_a_process(Do work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// With a name of its own meanwhile, and without one.
OutputFile::Options options(bool may_be_unnamed, bool overwrites = false) {
  return {.overwrites = overwrites, .may_be_unnamed = may_be_unnamed};
}

}  // namespace

TEST_CASE("a file has its name when it is finished, and not before") {
  const OutputFolder folder;
  const bool may_be_unnamed = GENERATE(true, false);
  const std::string path = folder / "out";
  {
    auto file = OutputFile::open(path, options(may_be_unnamed));
    REQUIRE(file);
    REQUIRE(file->append(bytes("one ")));
    REQUIRE(file->append(bytes("two")));
    CHECK_FALSE(fs::exists(path));
    REQUIRE(file->finish());
    CHECK(text_of(path) == "one two");
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("a file that is not finished leaves nothing behind") {
  const OutputFolder folder;
  const bool may_be_unnamed = GENERATE(true, false);
  {
    auto file = OutputFile::open(folder / "out", options(may_be_unnamed));
    REQUIRE(file);
    REQUIRE(file->append(bytes("one")));
  }
  CHECK(folder.files() == 0);
}

TEST_CASE("a process that is killed while it writes leaves nothing behind") {
  const OutputFolder folder;
  const int number = GENERATE(SIGINT, SIGKILL);
  const int status = in_a_process([&] {
    auto file = OutputFile::open(folder / "out", options(true));
    if (!file || !file->append(bytes(std::string(1 << 20, 'x')))) return 1;
    if (folder.files() != 0) return 77;  // this file system has no files without names
    signal(number, SIG_DFL);
    raise(number);
    return 2;
  });
  if (status == 77) {
    WARN("skipped: no O_TMPFILE in " << folder.path);
    return;
  }
  CHECK(status == 128 + number);
  CHECK(folder.files() == 0);
}

TEST_CASE("a file that is there is an error and stays as it was, unless it may be replaced") {
  const OutputFolder folder;
  const bool may_be_unnamed = GENERATE(true, false);
  const std::string path = folder / "out";
  put(path, "old");
  chmod(path.c_str(), 0600);
  const auto refused = OutputFile::open(path, options(may_be_unnamed));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == path + " is there already");
  CHECK(refused.error().hint.find("--force") != std::string::npos);
  {
    auto file = OutputFile::open(path, options(may_be_unnamed, true));
    REQUIRE(file);
    REQUIRE(file->append(bytes("new")));
    CHECK(text_of(path) == "old");
    REQUIRE(file->finish());
  }
  CHECK(text_of(path) == "new");
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(folder.files() == 1);
}

TEST_CASE("a name that another took meanwhile stays the other's") {
  const OutputFolder folder;
  const bool may_be_unnamed = GENERATE(true, false);
  const std::string path = folder / "out";
  {
    auto file = OutputFile::open(path, options(may_be_unnamed));
    REQUIRE(file);
    put(path, "other");
    const auto status = file->finish();
    REQUIRE_FALSE(status);
    CHECK(status.error().what == path + " is there already");
  }
  CHECK(text_of(path) == "other");
  CHECK(folder.files() == 1);
}

TEST_CASE("what a link points at is replaced, the link stays") {
  const OutputFolder folder;
  put(folder / "real", "old");
  REQUIRE(symlink("real", (folder / "link").c_str()) == 0);
  auto file = OutputFile::open(folder / "link", options(true, true));
  REQUIRE(file);
  REQUIRE(file->append(bytes("new")));
  REQUIRE(file->finish());
  CHECK(text_of(folder / "real") == "new");
  CHECK(fs::is_symlink(folder / "link"));
}

TEST_CASE("what cannot be written is told when it is opened") {
  const OutputFolder folder;
  CHECK(OutputFile::open(folder.path, {}).error().what == folder.path + " is a folder");
  const auto absent = OutputFile::open(folder / "no/out", {});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().what.find("there is no folder " + folder.path + "/no/") !=
        std::string::npos);
  CHECK(absent.error().hint == "mkdir -p " + folder.path + "/no/");
  CHECK_FALSE(OutputFile::open(folder / "no/", {}));
  const int status = in_a_process([&] {
    if (geteuid() == 0 && seteuid(65534) != 0) return 1;
    chmod(folder.path.c_str(), 0500);  // where the user is an ordinary one already
    const auto file = OutputFile::open(folder / "out", {});
    if (file) return 2;
    return file.error().what.ends_with("/out: Permission denied") ? 0 : 3;
  });
  CHECK(status == 0);
}

TEST_CASE("a limit that is reached is an error of the write, and nothing stays") {
  const OutputFolder folder;
  const bool may_be_unnamed = GENERATE(true, false);
  const int status = in_a_process([&] {
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto file = OutputFile::open(folder / "out", options(may_be_unnamed));
    if (!file) return 1;
    const auto written = file->append(bytes(std::string(200'000, 'x')));
    if (written || written.error().sys_errno != EFBIG) return 2;
    { const OutputFile gone = std::move(*file); }
    return 0;
  });
  CHECK(status == 0);
  CHECK(folder.files() == 0);
  auto full = OutputFile::open("/dev/full", {});
  REQUIRE(full);
  const auto written = full->append(bytes("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().hint == "the disk is full");
}

TEST_CASE("standard output is a stream, and a reader that has gone is an error") {
  const int status = in_a_process([] {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) return 1;
    auto file = OutputFile::open("-", {});
    if (!file || !file->append(bytes("some")) || !file->finish()) return 2;
    char text[4];
    if (read(ends[0], text, 4) != 4 || std::string_view(text, 4) != "some") return 3;
    close(ends[0]);
    const auto written = file->append(bytes("more"));
    return !written && written.error().sys_errno == EPIPE ? 0 : 4;
  });
  CHECK(status == 0);
}
