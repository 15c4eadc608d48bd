#include "perf/code_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/clock.h"

using namespace oc::perf;

namespace {

constexpr int32_t kNobody = 0x3ffffff0;  // a process that has gone: files are seen by their path

/// A file in a folder of its own, and the mapping that a record would tell of it.
struct Fixture {
  Fixture() {
    char name[] = "/tmp/oc-code-files-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder = name;
    path = folder + "/program";
  }
  ~Fixture() { std::filesystem::remove_all(folder); }

  /// An ELF file of one note, the build id "build" and this letter.
  void write(char letter) const {
    std::string note("\4\0\0\0\6\0\0\0\3\0\0\0GNU\0build", 21);
    note += letter;
    std::string header("\177ELF\2\1\1", 7);
    header.resize(64 + 56);
    const auto put = [&](size_t at, uint64_t value, size_t size) {
      for (size_t i = 0; i < size; ++i) header[at + i] = static_cast<char>(value >> 8 * i);
    };
    put(16, 3, 2);    // e_type: ET_DYN
    put(18, 62, 2);   // e_machine
    put(20, 1, 4);    // e_version
    put(32, 64, 8);   // e_phoff
    put(52, 64, 2);   // e_ehsize
    put(54, 56, 2);   // e_phentsize
    put(56, 1, 2);    // e_phnum
    put(64, 4, 4);    // p_type: PT_NOTE
    put(72, 120, 8);  // p_offset
    put(96, note.size(), 8);
    put(104, note.size(), 8);
    put(112, 4, 8);  // p_align
    std::ofstream(path, std::ios::binary) << header << note;
  }

  /// Its time of modification, of CLOCK_MONOTONIC.
  void set_written(oc::base::Nanos time) const {
    using oc::base::now_of;
    const auto wall = time + (now_of(CLOCK_REALTIME) - now_of(CLOCK_MONOTONIC));
    timespec times[2] = {{0, UTIME_OMIT}, {}};
    times[1].tv_sec = static_cast<time_t>(wall / 1'000'000'000);
    times[1].tv_nsec = static_cast<long>(wall % 1'000'000'000);
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  }

  MapsLine mapping() const {
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    MapsLine line;
    line.start = 0x1000;
    line.end = 0x2000;
    line.major = major(info.st_dev);
    line.minor = minor(info.st_dev);
    line.inode = info.st_ino;
    line.path = path;
    return line;
  }

  std::string id_of(const MapsLine& line, oc::base::Nanos time = 0) {
    oc::base::Fd opened;  // whoever wants the file has it looked at now
    const MappedFile* const file = files.find(kNobody, line, time, &opened);
    if (file == nullptr) return "nobody knows";
    if (file->contents == MappedFile::kGone) return "gone";
    return {file->build_id.begin(), file->build_id.end()};
  }

  std::string folder, path;
  CodeFiles files;
};

oc::base::Nanos now() { return oc::base::now_of(CLOCK_MONOTONIC); }
/// Until a change has another time than one before: the kernel's times of files are coarse.
void let_time_pass() { usleep(30'000); }

}  // namespace

TEST_CASE("a file that is written over is another one from then on") {
  Fixture f;
  f.write('a');
  const MapsLine line = f.mapping();
  let_time_pass();
  const auto before = now();
  CHECK(f.id_of(line, before) == "builda");
  CHECK(f.id_of(line) == "builda");
  let_time_pass();
  const auto between = now();
  CHECK(f.id_of(line, between) == "builda");
  let_time_pass();
  f.write('b');
  REQUIRE(f.mapping().inode == line.inode);
  let_time_pass();
  CHECK(f.id_of(line, now()) == "buildb");
  CHECK(f.id_of(line, before) == "builda");  // told late
  CHECK(f.id_of(line, between) == "builda");
  CHECK(f.files.all().size() == 2);
}

TEST_CASE(
    "what was mapped before anybody had looked, and has been written over since, is not known") {
  Fixture f;
  f.write('a');
  let_time_pass();
  const auto mapped = now();
  let_time_pass();
  f.write('b');
  let_time_pass();
  CHECK(f.id_of(f.mapping(), mapped) == "gone");
  CHECK(f.id_of(f.mapping(), now()) == "buildb");
  CHECK(f.files.all().size() == 1);
}

TEST_CASE("a file that was renamed, or has other rights, is the same") {
  Fixture f;
  f.write('a');
  CHECK(f.id_of(f.mapping()) == "builda");
  let_time_pass();
  REQUIRE(chmod(f.path.c_str(), 0700) == 0);
  let_time_pass();
  CHECK(f.id_of(f.mapping(), now()) == "builda");
  CHECK(f.files.all().size() == 1);
}

TEST_CASE(
    "a program that has ended, and was linked or renamed since, is the same where its inode is") {
  Fixture f;
  f.write('a');
  const oc::base::Fd fd(open(f.path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto identity = oc::sys::load_file_identity(fd.number());
  REQUIRE(identity);
  let_time_pass();
  const auto mapped = now();
  let_time_pass();
  REQUIRE(link(f.path.c_str(), (f.path + ".link").c_str()) == 0);
  let_time_pass();
  MapsLine line = f.mapping();
  CHECK(f.id_of(line, mapped) == "gone");  // nobody says that it is the same inode
  if (identity->generation == 0) {
    WARN("this file system tells no generations of inodes");
    return;
  }
  line.generation = identity->generation;
  CHECK(f.id_of(line, mapped) == "builda");
  let_time_pass();
  f.write('b');
  let_time_pass();
  const auto later = now();
  CHECK(f.id_of(line, later) == "buildb");
  CHECK(f.id_of(line, mapped) == "builda");
  REQUIRE(chmod(f.path.c_str(), 0700) == 0);
  f.set_written(mapped);  // as cp -p does: a time from before, and it was another file
  CHECK(f.id_of(line, mapped) == "builda");
}

TEST_CASE("what was mapped before the last look at its file needs no other look") {
  Fixture f;
  f.write('a');
  const MapsLine line = f.mapping();
  let_time_pass();
  const auto before = now();
  CHECK(f.files.find_known(line, before) == nullptr);
  let_time_pass();
  CHECK(f.id_of(line, before) == "builda");
  const MappedFile* const known = f.files.find_known(line, before);
  REQUIRE(known != nullptr);
  CHECK(known->path == f.path);
  CHECK(known == f.files.find(kNobody, line, before));
  let_time_pass();
  CHECK(f.files.find_known(line, now()) == nullptr);
  const auto between = now();
  let_time_pass();
  f.write('b');
  let_time_pass();
  CHECK(f.files.find_known(line, between) == nullptr);
  CHECK(f.id_of(line, between) == "gone");
  CHECK(f.files.find_known(line, before) != nullptr);
  REQUIRE(unlink(f.path.c_str()) == 0);
  CHECK(f.id_of(line, before) == "builda");
}

TEST_CASE("what cannot be opened is what was seen of it, unless it may be another one by now") {
  Fixture f;
  f.write('a');
  MapsLine line = f.mapping();
  let_time_pass();
  const auto early = now();
  let_time_pass();
  f.write('b');
  let_time_pass();
  const auto mapped = now();
  CHECK(f.id_of(line, mapped) == "buildb");
  REQUIRE(unlink(f.path.c_str()) == 0);
  CHECK(f.id_of(line) == "buildb");
  CHECK(f.id_of(line, mapped) == "buildb");
  CHECK(f.id_of(line, early) == "gone");
  let_time_pass();
  CHECK(f.id_of(line, now()) == "gone");  // nobody says that it is the same inode
}

TEST_CASE("an inode that is told to be the same, and cannot be opened, is unchanged") {
  Fixture f;
  f.write('a');
  MapsLine line = f.mapping();
  line.generation = 7;  // nobody tells another one where the file system has none
  const oc::base::Fd fd(open(f.path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto identity = oc::sys::load_file_identity(fd.number());
  REQUIRE(identity);
  if (identity->generation != 0) line.generation = identity->generation;
  CHECK(f.id_of(line) == "builda");
  REQUIRE(unlink(f.path.c_str()) == 0);
  CHECK(f.id_of(line, now()) == "builda");
  line.generation += 1;
  CHECK(f.id_of(line, now()) == "nobody knows");
}

TEST_CASE("files that were looked at longest ago are forgotten") {
  constexpr size_t kMost = 8;
  Fixture f;
  f.files = CodeFiles("/proc", kMost);
  f.files.add_kernel("[kernel.kallsyms]", {1, 2, 3});
  std::vector<MapsLine> lines;
  std::vector<std::string> paths;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    paths.push_back(f.folder + "/" + letter);
    f.path = paths.back();
    f.write(letter);
    lines.push_back(f.mapping());
    lines.back().path = paths.back();
    CHECK(f.id_of(lines.back()) == std::string("build") + letter);
    CHECK(f.id_of(lines.front()) == "builda");
    CHECK(f.files.all().size() <= kMost);
  }
  CHECK(f.files.all().front().is_kernel);
  for (const std::string& path : paths) REQUIRE(unlink(path.c_str()) == 0);
  CHECK(f.id_of(lines.front()) == "builda");
  CHECK(f.id_of(lines.back()) == "buildz");
  CHECK(f.id_of(lines[1]) == "nobody knows");
}

TEST_CASE("another device or generation is another file, however alike the inode") {
  Fixture f;
  f.write('a');
  MapsLine line = f.mapping();
  line.minor += 1;
  CHECK(f.id_of(line) == "nobody knows");
  line = f.mapping();
  const oc::base::Fd fd(open(f.path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto identity = oc::sys::load_file_identity(fd.number());
  REQUIRE(identity);
  CHECK(identity->contents != 0);
  if (identity->generation == 0) {
    WARN("this file system tells no generations of inodes");
    return;
  }
  line.generation = identity->generation;
  CHECK(f.id_of(line) == "builda");
  line.generation += 1;
  CHECK(f.id_of(line) == "nobody knows");
}

TEST_CASE("a file that could not be opened is tried again, less and less often") {
  Fixture f;
  f.write('a');
  const MapsLine line = f.mapping();
  const std::string away = f.path + ".away";
  REQUIRE(rename(f.path.c_str(), away.c_str()) == 0);
  for (int i = 0; i < 5; ++i) CHECK(f.id_of(line) == "nobody knows");
  REQUIRE(rename(away.c_str(), f.path.c_str()) == 0);
  int asked = 1;
  while (asked < 20 && f.id_of(line) == "nobody knows") ++asked;
  CHECK(asked <= 8);
  CHECK(f.id_of(line) == "builda");
  REQUIRE(rename(f.path.c_str(), away.c_str()) == 0);
  CHECK(f.id_of(line) == "builda");  // as it was seen last
}
