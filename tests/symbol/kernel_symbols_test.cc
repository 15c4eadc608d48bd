#include "symbol/kernel_symbols.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "symbol/build_id_path.h"
#include "symbol/fixture_files.h"

using namespace oc;
using symbol::KernelIdentity;
using symbol::KernelSymbols;
using test::TemporaryFolder;

namespace {

const std::vector<uint8_t> kOwnId(20, 0xab), kOtherId(20, 0xcd);

constexpr const char* kKernelText =
    "ffffffff81000000 T _stext\n"
    "ffffffff81000040 t work\n"
    "ffffffff81000080 t more\n"
    "ffffffffc0201000 t hook\t[nf_tables]\n";

/// A machine with one kernel, as its files tell.
struct Machine {
  TemporaryFolder folder;
  KernelSymbols::Settings settings;

  explicit Machine(const std::string& kallsyms = kKernelText) {
    folder.write("proc/kallsyms", kallsyms);
    folder.write("proc/modules", "nf_tables 4096 1 - Live 0xffffffffc0201000\n");
    std::string note("\4\0\0\0\24\0\0\0\3\0\0\0GNU\0", 16);
    note.append(kOwnId.begin(), kOwnId.end());
    folder.write("notes", note);
    settings.proc = folder / "proc";
    settings.notes = folder / "notes";
    settings.boot = folder / "boot";
    settings.cache = folder / "cache";
    settings.archives = {folder / "archive"};
    settings.release = "6.1.0";
  }
};

}  // namespace

TEST_CASE("the running kernel's names come from kallsyms, and next time from the kept file") {
  const Machine machine;
  for (int round = 0; round < 2; ++round) {
    KernelSymbols kernel(machine.settings);
    const auto found = kernel.find(0xffffffff81000050);
    CHECK(found.name == "work");
    CHECK(found.start == 0xffffffff81000040);
    CHECK(kernel.find(0xffffffffc0201010).module == "nf_tables");
    CHECK(kernel.find(0xffffffff80000000).name.empty());
    CHECK(kernel.reason().empty());
    const bool is_kept = kernel.origin().find("kept by oc") != std::string::npos;
    CHECK(is_kept == (round == 1));
  }
  struct stat info {};
  for (const auto& entry : std::filesystem::directory_iterator(machine.folder / "cache/kernel")) {
    REQUIRE(stat(entry.path().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);  // it holds addresses that the kernel shows to few
  }
}

TEST_CASE(
    "a kept file is not used for another kernel, boot or set of modules, nor when others may write "
    "it") {
  Machine machine;
  const auto origin = [&] {
    KernelSymbols kernel(machine.settings);
    kernel.find(0xffffffff81000050);
    return kernel.origin();
  };
  const std::string fresh = machine.settings.proc + "/kallsyms";
  CHECK(origin() == fresh);
  CHECK(origin() != fresh);
  machine.folder.write("proc/modules", "nf_tables 4096 7 - Live 0xffffffffc0201000\n");
  CHECK(origin() != fresh);  // only the count of users has changed
  machine.folder.write("proc/modules", "nf_tables 4096 1 - Live 0xffffffffc0301000\n");
  CHECK(origin() == fresh);
  machine.folder.write("proc/kallsyms", "ffffffff91000000 T _stext\nffffffff91000040 t work\n");
  CHECK(origin() == fresh);
  CHECK(origin() != fresh);
  for (const auto& entry : std::filesystem::directory_iterator(machine.folder / "cache/kernel"))
    REQUIRE(chmod(entry.path().c_str(), 0666) == 0);
  CHECK(origin() == fresh);
}

TEST_CASE("a kernel that hides its addresses is explained, with the command") {
  Machine machine("0000000000000000 T _stext\n0000000000000000 t work\n");
  machine.folder.write("proc/sys/kernel/kptr_restrict", "1\n");
  KernelSymbols kernel(machine.settings);
  CHECK(kernel.find(0xffffffff81000050).name.empty());
  CHECK(kernel.reason().find("kptr_restrict is 1") != std::string::npos);
  CHECK(kernel.reason().find("sysctl kernel.kptr_restrict=0") != std::string::npos);
  machine.folder.write("proc/sys/kernel/kptr_restrict", "0\n");  // then that is not what hides them
  machine.folder.write("proc/sys/kernel/perf_event_paranoid", "2\n");
  KernelSymbols paranoid(machine.settings);
  CHECK(paranoid.find(0xffffffff81000050).name.empty());
  CHECK(paranoid.reason().find("perf_event_paranoid is 2") != std::string::npos);
  CHECK(paranoid.reason().find("kptr_restrict") == std::string::npos);
}

TEST_CASE("another kernel's trace never has the running kernel's names") {
  const Machine machine;
  KernelSymbols kernel(machine.settings);
  KernelIdentity identity;
  identity.build_id = kOtherId;
  identity.release = "6.1.0";  // the same, and yet built anew
  kernel.use(identity);
  CHECK(kernel.find(0xffffffff81000050).name.empty());
  CHECK(kernel.reason().find("another kernel") != std::string::npos);
}

TEST_CASE("another kernel's names come from the trace or from an archive, moved to where it lay") {
  const Machine machine;
  KernelIdentity identity;
  identity.build_id = kOtherId;
  identity.text_start = 0xffffffff95000000;
  SECTION("the trace's kallsyms") {
    identity.kallsyms = "ffffffff95000000 T _stext\nffffffff95000040 t theirs\n";
  }
  SECTION("an archive's kallsyms, of another boot") {
    machine.folder.write(symbol::build_id_path("archive", kOtherId) + "/kallsyms",
                         "ffffffff81000000 T _stext\nffffffff81000040 t theirs\n"
                         "ffffffffc0201000 t hook\t[nf_tables]\n");
  }
  KernelSymbols kernel(machine.settings);
  kernel.use(identity);
  const auto found = kernel.find(0xffffffff95000044);
  CHECK(found.name == "theirs");
  CHECK(found.start == 0xffffffff95000040);
  CHECK(kernel.find(0xffffffffd4201000).name.empty());  // modules do not move with the kernel
}

TEST_CASE("a trace that tells a release only may use System.map of that release") {
  const Machine machine;
  machine.folder.write("boot/System.map-5.10",
                       "ffffffff81000000 T _stext\nffffffff81000040 t old\n");
  KernelIdentity identity;
  identity.release = "5.10";
  KernelSymbols kernel(machine.settings);
  kernel.use(identity);
  CHECK(kernel.find(0xffffffff81000041).name == "old");
  CHECK(kernel.origin() == machine.folder / "boot/System.map-5.10");
}
