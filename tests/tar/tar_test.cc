#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tar/reader.h"
#include "tar/unpacked.h"
#include "tar/writer.h"

using namespace oc::tar;
using oc::base::Code;

namespace {

/// A folder that goes with the object; $TMPDIR leads to it meanwhile.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/oc-tar-test.XXXXXX";
    path_ = mkdtemp(name);
    setenv("TMPDIR", path_.c_str(), 1);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Files = std::vector<std::pair<std::string, std::string>>;

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string pack(Packing packing, const Files& files) {
  std::string packed;
  auto writer = Writer::make(packing, [&](std::span<const uint8_t> bytes) {
    packed.append(bytes.begin(), bytes.end());
    return oc::base::Status();
  });
  REQUIRE(writer);
  for (const auto& [name, bytes] : files)
    REQUIRE(
        (*writer)->add(name, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, 7));
  REQUIRE((*writer)->finish());
  return packed;
}

const auto kNever = [] { return false; };

}  // namespace

TEST_CASE("what is packed is there again, however it is compressed") {
  const Folder folder;
  std::string large(3 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i * i >> 3);
  const Files files{{"t.data", "trace"}, {"a/b/c", large}, {"empty", ""}};
  for (const auto packing : {Packing::kNone, Packing::kZstd, Packing::kGzip, Packing::kXz}) {
    const std::string path = folder.at("it");
    write_file(path, pack(packing, files));
    CHECK(may_be_archive(path));
    auto unpacked = Unpacked::open(path, kNever);
    REQUIRE(unpacked);
    const Unpacked& there = **unpacked;
    CHECK(read_file(there.first()) == "trace");
    CHECK_FALSE(std::filesystem::exists(there.folder() + "/a/b/c"));
    REQUIRE((*unpacked)->unpack());
    CHECK(read_file(there.folder() + "/a/b/c") == large);
    CHECK(std::filesystem::file_size(there.folder() + "/empty") == 0);
    struct stat info {};
    REQUIRE(stat(there.folder().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
    REQUIRE((*unpacked)->unpack());
    const std::string gone = there.folder();
    unpacked->reset();
    CHECK_FALSE(std::filesystem::exists(gone));
  }
}

TEST_CASE("the same files make the same bytes") {
  const Files files{{"a", "one"}, {"b/c", "two"}};
  CHECK(pack(Packing::kZstd, files) == pack(Packing::kZstd, files));
}

TEST_CASE("an end of the sink ends the writing with its error") {
  auto writer = Writer::make(Packing::kNone, [](std::span<const uint8_t>) -> oc::base::Status {
    return oc::base::make_error(Code::kSystem, "the disk is full");
  });
  REQUIRE(writer);
  const std::vector<uint8_t> bytes(1 << 20);
  auto status = (*writer)->add("a", bytes, 0);
  if (status) status = (*writer)->finish();
  REQUIRE_FALSE(status);
  CHECK(status.error().what == "the disk is full");
}

TEST_CASE("names that lead elsewhere are refused") {
  for (const char* name : {"", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "a//b", "./a",
                           "a/.", "a/", "a\nb", "a\x7f"})
    CHECK(find_name_problem(name) != "");
  CHECK(find_name_problem(std::string("a/") + std::string(256, 'b')) != "");
  CHECK(find_name_problem(std::string(5000, 'b')) != "");
  std::string deep = "a";
  for (int i = 1; i < 64; ++i) deep += "/a";
  CHECK(find_name_problem(deep) == "");
  CHECK(find_name_problem(deep + "/a") != "");
  for (const char* name :
       {"a", "perf.data", ".build-id/ab/cd/elf", "root/usr/bin/..a", "a..b", "ö"})
    CHECK(find_name_problem(name) == "");
}

TEST_CASE("an archive holds no more than its limits") {
  const Folder folder;
  const std::string path = folder.at("it");
  write_file(path, pack(Packing::kNone, {{"a", "12345"}, {"b", "12345"}, {"c", "12345"}}));
  const auto count = [&](Limits limits, std::string* problem) {
    auto reader = Reader::open(path, limits);
    REQUIRE(reader);
    int found = 0;
    for (;;) {
      auto member = (*reader)->next();
      if (!member) *problem = member.error().what;
      if (!member || !*member) return found;
      ++found;
    }
  };
  std::string problem;
  CHECK(count({}, &problem) == 3);
  CHECK(problem.empty());
  CHECK(count({.bytes = 11}, &problem) == 2);
  CHECK(problem.find("'c' is refused") != std::string::npos);
  CHECK(count({.members = 1}, &problem) == 1);
  CHECK(problem.find("'b' is refused") != std::string::npos);
}

TEST_CASE("folders are counted as members are") {
  const Folder folder;
  const std::string path = folder.at("it");
  write_file(path, pack(Packing::kNone, {{"t", "trace"}, {"a/b/c", "1"}, {"a/d/e/f", "2"}}));
  auto enough = Unpacked::open(path, kNever, {.members = 4});
  REQUIRE(enough);
  CHECK((*enough)->unpack());
  auto unpacked = Unpacked::open(path, kNever, {.members = 3});
  REQUIRE(unpacked);
  const auto status = (*unpacked)->unpack();
  REQUIRE_FALSE(status);
  CHECK(status.error().what.find("'a/d/e/f' is refused: there are more than 3 folders") !=
        std::string::npos);
}

TEST_CASE("what begins like an archive and is none is told apart") {
  const Folder folder;
  const std::string path = folder.at("it");
  write_file(path, std::string("\x28\xb5\x2f\xfd", 4) + "no more");
  CHECK(may_be_archive(path));
  const auto damaged = Unpacked::open(path, kNever);
  CHECK_FALSE(damaged);
  write_file(path, "PERFILE2 and so on");
  CHECK_FALSE(may_be_archive(path));
  CHECK_FALSE(may_be_archive(folder.at("none")));
  CHECK_FALSE(may_be_archive(folder.path()));
  const std::string fifo = folder.at("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_FALSE(may_be_archive(fifo));
  const auto other = Unpacked::open(path, kNever);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Code::kNotFound);
}

TEST_CASE("unpacking ends when that is asked for, and what a killed process left goes") {
  const Folder folder;
  const std::string path = folder.at("it");
  write_file(path, pack(Packing::kZstd, {{"t", "trace"}}));
  const auto stopped = Unpacked::open(path, [] { return true; });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().what.find("interrupted") == 0);
  const std::string left = folder.at("oc-archive.abcdef"), alien = folder.at("oc-archive.folder");
  std::filesystem::create_directories(left + "/a");
  std::filesystem::create_directories(alien);
  write_file(left + "/.lock", "");
  const auto one = Unpacked::open(path, kNever);
  const auto two = Unpacked::open(path, kNever);  // the first one holds its lock
  REQUIRE((one && two));
  CHECK_FALSE(std::filesystem::exists(left));
  CHECK(std::filesystem::exists(alien));  // without a lock: one may be coming
  CHECK(read_file((*one)->first()) == "trace");
  const timespec old[2]{{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
  REQUIRE(utimensat(AT_FDCWD, alien.c_str(), old, 0) == 0);
  const auto three = Unpacked::open(path, kNever);
  REQUIRE(three);
  CHECK_FALSE(std::filesystem::exists(alien));
}
