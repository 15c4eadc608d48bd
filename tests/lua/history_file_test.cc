#include "lua/history_file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using oc::lua::HistoryFile;

namespace {

constexpr uid_t kOther = 12345;

struct Folder {
  std::string path = [] {
    char name[] = "/tmp/oc-history-XXXXXX";
    return std::string(mkdtemp(name));
  }();
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("a history is for this user only, also one that was not") {
  const Folder folder;
  HistoryFile file(folder.path + "/a/b/history");
  REQUIRE(file.load()->empty());
  std::filesystem::create_directories(folder.path + "/a/b");
  std::ofstream(folder.path + "/a/b/history") << "older\n";
  chmod((folder.path + "/a/b/history").c_str(), 0644);
  REQUIRE(bool(file.add("newer")));
  struct stat info {};
  REQUIRE(stat((folder.path + "/a/b/history").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(*file.load() == std::vector<std::string>{"older", "newer"});
}

TEST_CASE("links of this user's lead to a history") {
  const Folder folder;
  std::filesystem::create_directories(folder.path + "/real");
  std::filesystem::create_directory_symlink("real", folder.path + "/near");
  std::filesystem::create_directory_symlink(folder.path + "/real", folder.path + "/far");
  REQUIRE(bool(HistoryFile(folder.path + "/near/oc/history").add("one")));
  REQUIRE(bool(HistoryFile(folder.path + "/far/oc/history").add("two")));
  CHECK(HistoryFile(folder.path + "/real/oc/history").load()->size() == 2);
  std::filesystem::create_directory_symlink("loop", folder.path + "/loop");
  CHECK_FALSE(bool(HistoryFile(folder.path + "/loop/oc/history").add("x")));
}

TEST_CASE("another user's folder or link leads nowhere") {
  if (geteuid() != 0) {
    WARN("skipped: only root can give files away");
    return;
  }
  const Folder folder;
  std::filesystem::create_directories(folder.path + "/theirs");
  std::filesystem::create_directories(folder.path + "/target");
  std::filesystem::create_directory_symlink(folder.path + "/target", folder.path + "/link");
  REQUIRE(chown((folder.path + "/theirs").c_str(), kOther, kOther) == 0);
  REQUIRE(lchown((folder.path + "/link").c_str(), kOther, kOther) == 0);
  for (const char* name : {"/theirs", "/link"}) {
    HistoryFile file(folder.path + name + "/oc/history");
    CHECK_FALSE(bool(file.add("x")));
    CHECK_FALSE(bool(file.load()));
  }
  CHECK(std::filesystem::is_empty(folder.path + "/theirs"));
  CHECK(std::filesystem::is_empty(folder.path + "/target"));
}

TEST_CASE("what others append while a history is written anew is not lost") {
  const Folder folder;
  const std::string path = folder.path + "/history";
  {
    std::ofstream file(path);
    for (size_t i = 0; i < 2 * HistoryFile::kMost; ++i) file << "old " << i << "\n";
  }
  constexpr int kEntries = 300;
  const pid_t child = fork();
  if (child == 0) {
    HistoryFile file(path);
    for (int i = 0; i < kEntries; ++i) (void)file.add("new " + std::to_string(i));
    _exit(0);
  }
  HistoryFile file(path);
  int status = -1;
  for (bool is_over = false; !is_over;) {
    is_over = waitpid(child, &status, WNOHANG) == child;
    (void)file.load();
  }
  const auto entries = file.load();
  int found = 0;
  for (const auto& entry : *entries) found += entry.starts_with("new ");
  CHECK(found == kEntries);
}
