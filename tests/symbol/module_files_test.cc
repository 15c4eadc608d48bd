#include "symbol/module_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "symbol/build_id_path.h"
#include "symbol/fixture_files.h"
#include "symbol/symbol_table.h"
#include "sys/file_identity.h"

using namespace oc;
using symbol::ModuleFiles;
using symbol::Places;
using test::TemporaryFolder;

namespace {

constexpr const char* kId = "22fbe6e41219da8cea5359bacea6a721bd23da75";  // of mini.so and clang4.so

std::vector<uint8_t> bytes_of(const std::string& digits) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// One module of a trace, and where its files may lie.
struct MappedTrace {
  TemporaryFolder folder;
  base::Interner strings;
  process::ModuleTable modules{strings};
  Places places;

  MappedTrace() {
    places.debug_folders = {folder / "debug"};
    places.archives = {folder / "archive"};
  }
  process::ModuleId add(const std::string& path, const std::string& id = "") {
    process::Module module;
    module.kind = process::ModuleKind::kFile;
    module.path = strings.intern(path);
    if (!id.empty()) module.build_id = process::BuildId(bytes_of(id));
    return modules.intern(module);
  }
};

bool says(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a file with the trace's build id is used, another one is refused and says so") {
  MappedTrace trace;
  trace.folder.put("elf_symbols/mini.so", "lib.so");
  const auto right = trace.add(trace.folder / "lib.so", kId);
  const auto wrong = trace.add(trace.folder / "lib.so", std::string(40, 'a'));
  ModuleFiles files(trace.modules, trace.places);
  REQUIRE(files.find(right) != nullptr);
  CHECK(files.load(right).is_verified);
  CHECK(files.load(right).reason.empty());
  CHECK(files.find(wrong) == nullptr);
  CHECK(says(files.load(wrong).reason, "has been replaced"));
  CHECK(says(files.load(wrong).reason, kId));
}

TEST_CASE("why a file cannot be used is said") {
  MappedTrace trace;
  trace.folder.write("text", "no program");
  std::filesystem::create_directory(trace.folder / "sub");
  mkfifo((trace.folder / "pipe").c_str(), 0600);
  ModuleFiles files(trace.modules, trace.places);
  CHECK(says(files.load(trace.add(trace.folder / "none")).reason, "No such file"));
  CHECK(says(files.load(trace.add(trace.folder / "text")).reason, "is no ELF file"));
  CHECK(says(files.load(trace.add(trace.folder / "sub")).reason, "is a folder"));
  CHECK(says(files.load(trace.add(trace.folder / "pipe")).reason, "not a regular file"));
  CHECK(says(files.load(trace.add("")).reason, "does not name it"));
  CHECK(says(files.load(trace.add("//anon")).reason, "is no file"));
  process::Module memory;
  memory.kind = process::ModuleKind::kMemory;
  CHECK(files.load(trace.modules.intern(memory)).reason == "it is no file");
}

TEST_CASE("a file that is deleted is read from the descriptor that was kept") {
  MappedTrace trace;
  trace.folder.put("dwarf/gcc5.so", "lib.so");
  const auto module = trace.add(trace.folder / "lib.so");
  ModuleFiles files(trace.modules, trace.places);
  files.keep(module, base::Fd(open((trace.folder / "lib.so").c_str(), O_RDONLY | O_CLOEXEC)));
  std::filesystem::remove(trace.folder / "lib.so");
  REQUIRE(files.find(module) != nullptr);
  CHECK(files.find(module)->find_section(".debug_info") != nullptr);
}

TEST_CASE("a file that is deleted is read as long as a process runs it") {
  MappedTrace trace;
  std::filesystem::copy_file("/bin/sleep", trace.folder / "gone");
  const std::string path = trace.folder / "gone";
  const pid_t child = fork();
  if (child == 0) {
    execl(path.c_str(), "gone", "60", nullptr);
    _exit(1);
  }
  REQUIRE(child > 0);
  const std::string exe = "/proc/" + std::to_string(child) + "/exe";
  std::error_code problem;
  for (int i = 0; i < 3000 && std::filesystem::read_symlink(exe, problem) != path; ++i)
    usleep(10000);
  std::filesystem::remove(path);
  process::Module module;
  module.kind = process::ModuleKind::kFile;
  module.path = trace.strings.intern(path + " (deleted)");
  module.pid = child;
  const auto id = trace.modules.intern(module);
  trace.places.root = "";
  ModuleFiles files(trace.modules, trace.places);
  const bool is_found = files.find(id) != nullptr;
  const std::string reason = files.load(id).reason;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  if (!is_found && geteuid() != 0) {
    WARN("mappings of another file may be opened by root alone: " << reason);
    return;
  }
  CHECK(is_found);
  CHECK(reason.empty());
}

TEST_CASE("without build ids another inode is another file") {
  MappedTrace trace;
  trace.folder.put("dwarf/gcc5.so", "lib.so");
  struct stat info {};
  REQUIRE(stat((trace.folder / "lib.so").c_str(), &info) == 0);
  process::Module module;
  module.kind = process::ModuleKind::kFile;
  module.path = trace.strings.intern(trace.folder / "lib.so");
  module.device = uint64_t{major(info.st_dev)} << 32 | minor(info.st_dev);
  module.inode = info.st_ino;
  const auto same = trace.modules.intern(module);
  module.inode += 1;
  const auto other = trace.modules.intern(module);
  ModuleFiles files(trace.modules, trace.places);
  CHECK(files.find(same) != nullptr);
  CHECK(files.find(other) == nullptr);
  CHECK(says(files.load(other).reason, "has been replaced"));
}

TEST_CASE("without build ids an inode that was used again, or written over, is another file") {
  MappedTrace trace;
  trace.folder.put("dwarf/gcc5.so", "lib.so");
  const std::string path = trace.folder / "lib.so";
  const base::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto identity = oc::sys::load_file_identity(fd.number());
  REQUIRE(identity);
  process::Module module;
  module.kind = process::ModuleKind::kFile;
  module.path = trace.strings.intern(path);
  module.device = identity->device;
  module.inode = identity->inode;
  module.inode_generation = identity->generation;
  module.contents = identity->contents;
  const auto same = trace.modules.intern(module);
  module.contents += 1;
  const auto before = trace.modules.intern(module);
  module.contents = process::Module::kGone;
  const auto gone = trace.modules.intern(module);
  module.contents = 0;
  module.inode_generation += 1;
  module.generation_rank = module.inode_generation;
  const auto removed = trace.modules.intern(module);
  ModuleFiles files(trace.modules, trace.places);
  CHECK(files.find(same) != nullptr);
  CHECK(files.find(before) == nullptr);
  CHECK(says(files.load(before).reason, "has been written to since it was mapped"));
  CHECK(files.find(gone) == nullptr);
  CHECK(says(files.load(gone).reason, "before anybody looked at it"));
  if (identity->generation != 0) {
    CHECK(files.find(removed) == nullptr);
    CHECK(says(files.load(removed).reason, "has been replaced"));
  }
  files.keep(before, base::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  files.forget(before);
  files.keep(before, base::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  CHECK(files.find(before) == nullptr);  // what was kept has other contents by now, too
}

TEST_CASE("a file is found in an archive by its build id, as perf lays archives out") {
  for (const char* name : {"/elf", ""}) {
    MappedTrace trace;
    const std::string place = "archive/.build-id/22/" + std::string(kId).substr(2) + name;
    trace.folder.put("elf_symbols/mini.so", place);
    const auto module = trace.add("/no such folder/lib.so", kId);
    const auto other = trace.add("/no such folder/lib.so", std::string(40, 'b'));
    ModuleFiles files(trace.modules, trace.places);
    REQUIRE(files.find(module) != nullptr);
    CHECK(files.load(module).is_verified);
    CHECK(files.find(other) == nullptr);
  }
}

TEST_CASE("an archive's file with another build id than its place says is refused") {
  MappedTrace trace;
  trace.folder.put("dwarf/gcc5.so", "archive/.build-id/22/" + std::string(kId).substr(2) + "/elf");
  const auto module = trace.add("/no such folder/lib.so", kId);
  ModuleFiles files(trace.modules, trace.places);
  CHECK(files.find(module) == nullptr);
  CHECK(says(files.load(module).reason, "has another build id"));
}

TEST_CASE("a debug file is found by build id, and by the debug link in its three places") {
  const std::string by_id = "debug/.build-id/22/" + std::string(kId).substr(2) + ".debug";
  const TemporaryFolder probe;
  for (int place = 0; place < 4; ++place) {
    MappedTrace trace;
    trace.folder.put("elf_symbols/mini.so", "bin/lib.so");
    const std::string places[] = {by_id, "bin/mini.debug", "bin/.debug/mini.debug",
                                  "debug" + (trace.folder / "bin/mini.debug")};
    trace.folder.put("dwarf/clang4.so", places[place]);
    const auto module = trace.add(trace.folder / "bin/lib.so");
    ModuleFiles files(trace.modules, trace.places);
    const auto& found = files.load(module);
    REQUIRE(found.debug != nullptr);
    CHECK(found.debug->name() == trace.folder / places[place]);
    CHECK(found.mini != nullptr);
  }
}

TEST_CASE("a debug file of another build is refused, and each place that was tried is told") {
  MappedTrace trace;
  trace.folder.put("elf_symbols/mini.so", "lib.so");
  trace.folder.put("dwarf/gcc5.so", "mini.debug");
  const auto module = trace.add(trace.folder / "lib.so");
  ModuleFiles files(trace.modules, trace.places);
  const auto& found = files.load(module);
  CHECK(found.debug == nullptr);
  REQUIRE(found.tried.size() == 4);
  CHECK(says(found.tried[1], "has another build id"));
}

TEST_CASE("a debug link that leads back to the file itself is not followed") {
  MappedTrace trace;
  trace.folder.put("elf_symbols/mini.so", "mini.debug");
  const auto module = trace.add(trace.folder / "mini.debug");
  ModuleFiles files(trace.modules, trace.places);
  CHECK(files.load(module).debug == nullptr);
  CHECK(says(files.load(module).tried[1], "is the file itself"));
}

TEST_CASE("compressed symbols that are damaged are told of, and the rest is used") {
  MappedTrace trace;
  trace.folder.put("elf_symbols/mini.so", "lib.so");
  {
    auto file = elf::File::open(trace.folder / "lib.so");
    REQUIRE(file);
    const auto* section = file->find_section(".gnu_debugdata");
    REQUIRE(section != nullptr);
    std::fstream stream(trace.folder / "lib.so", std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(static_cast<std::streamoff>(section->offset + section->size_bytes / 2));
    stream.write("damage", 6);
  }
  const auto module = trace.add(trace.folder / "lib.so");
  ModuleFiles files(trace.modules, trace.places);
  const auto& found = files.load(module);
  CHECK(found.mini == nullptr);
  CHECK(says(found.tried.back(), ".gnu_debugdata"));
  const symbol::SymbolTable table(found.file.get(), found.debug.get(), found.mini.get());
  CHECK(table.count(symbol::NameSource::kDynsym) == 2);
}

TEST_CASE("below --symfs lies all of it") {
  MappedTrace trace;
  trace.folder.put("elf_symbols/mini.so", "usr/lib/lib.so");
  trace.folder.put("dwarf/clang4.so",
                   "usr/lib/debug/.build-id/22/" + std::string(kId).substr(2) + ".debug");
  trace.places.root = trace.folder.path();
  trace.places.debug_folders = {"/usr/lib/debug"};
  const auto module = trace.add("/usr/lib/lib.so", kId);
  ModuleFiles files(trace.modules, trace.places);
  REQUIRE(files.find(module) != nullptr);
  CHECK(files.load(module).debug != nullptr);
}

TEST_CASE("the vDSO is this process's own") {
  MappedTrace trace;
  process::Module module;
  module.kind = process::ModuleKind::kVdso;
  const auto id = trace.modules.intern(module);
  ModuleFiles files(trace.modules, trace.places);
  if (files.find(id) == nullptr) {
    WARN("no vDSO here: " << files.load(id).reason);
    return;
  }
  const symbol::SymbolTable table(files.find(id), nullptr, nullptr);
  bool has_clock = false;
  for (const auto& symbol : table.symbols())
    has_clock = has_clock || says(std::string(table.name(symbol)), "clock_gettime");
  CHECK(has_clock);
}
