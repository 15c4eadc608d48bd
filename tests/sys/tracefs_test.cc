#include "sys/tracefs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/corpus.h"

using oc::base::Code;
using oc::sys::find_tracefs;
using oc::sys::Tracefs;
namespace fs = std::filesystem;

namespace {

/// A folder that is removed at the end.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "oc_tracefs_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  fs::path path;
};

void add_event(const TemporaryFolder& folder, const std::string& root, const std::string& system,
               const std::string& name, int id) {
  folder.write(root + "/events/" + system + "/" + name + "/format",
               "name: " + name + "\nID: " + std::to_string(id) +
                   "\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
                   "print fmt: \"\"\n");
}

/// A root with four events and no available_events file.
TemporaryFolder fake_root() {
  TemporaryFolder folder;
  add_event(folder, ".", "sched", "sched_switch", 3);
  add_event(folder, ".", "sched", "sched_wakeup", 4);
  add_event(folder, ".", "sched", "sched_waking", 5);
  add_event(folder, ".", "irq", "softirq_entry", 6);
  folder.write("events/sched/enable", "0\n");
  return folder;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("tracefs is found at its usual places, then in the mount table") {
  TemporaryFolder folder;
  const std::string prefix = folder.path.string();
  const auto nowhere = find_tracefs(prefix);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == Code::kNotFound);
  CHECK_THAT(nowhere.error().hint, Catch::Contains("mount -t tracefs nodev /sys/kernel/tracing"));

  folder.write("proc/self/mounts",
               "proc /proc proc rw 0 0\nbad line\n\n"
               "nodev /mnt/my\\040traces tracefs rw,relatime 0 0\n");
  CHECK_FALSE(find_tracefs(prefix));
  add_event(folder, "mnt/my traces", "sched", "sched_switch", 3);
  CHECK(*find_tracefs(prefix) == prefix + "/mnt/my traces");
  add_event(folder, "sys/kernel/debug/tracing", "sched", "sched_switch", 3);
  CHECK(*find_tracefs(prefix) == prefix + "/sys/kernel/debug/tracing");
  add_event(folder, "sys/kernel/tracing", "sched", "sched_switch", 3);
  CHECK(*find_tracefs(prefix) == prefix + "/sys/kernel/tracing");
}

TEST_CASE("an unreadable tracefs needs root, and the error says so") {
  if (geteuid() == 0) {
    WARN("skipped: root may read every folder");
    return;
  }
  TemporaryFolder folder;
  add_event(folder, "sys/kernel/tracing", "sched", "sched_switch", 3);
  REQUIRE(chmod((folder.path / "sys/kernel/tracing").c_str(), 0) == 0);
  const auto refused = find_tracefs(folder.path.string());
  chmod((folder.path / "sys/kernel/tracing").c_str(), 0700);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kPermission);
  CHECK_THAT(refused.error().hint, Catch::Contains("root"));
}

TEST_CASE("events are listed by glob, sorted") {
  const TemporaryFolder folder = fake_root();
  const Tracefs tracefs(folder.path.string());
  CHECK(*tracefs.list_events() == Names{"irq:softirq_entry", "sched:sched_switch",
                                        "sched:sched_wakeup", "sched:sched_waking"});
  CHECK(*tracefs.list_events("sched:sched_wak*") ==
        Names{"sched:sched_wakeup", "sched:sched_waking"});
  CHECK(*tracefs.list_events("s*_entry") == Names{"irq:softirq_entry"});
  CHECK(tracefs.list_events("none:*")->empty());
}

TEST_CASE("the list file is preferred, and lines that are no events are passed over") {
  const TemporaryFolder folder = fake_root();
  folder.write("available_events", "b:two\na:one\n\nnonsense\n:x\ny:\n../a:b\n");
  CHECK(*Tracefs(folder.path.string()).list_events() == Names{"a:one", "b:two"});
}

TEST_CASE("a format is loaded by its full name") {
  const TemporaryFolder folder = fake_root();
  const auto format = Tracefs(folder.path.string()).load_format("sched:sched_wakeup");
  REQUIRE(format);
  CHECK(format->system == "sched");
  CHECK(format->name == "sched_wakeup");
  CHECK(format->id == 4);
}

TEST_CASE("an unknown event suggests what was meant") {
  const TemporaryFolder folder = fake_root();
  const Tracefs tracefs(folder.path.string());
  const auto hint = [&](const char* event) {
    const auto format = tracefs.load_format(event);
    REQUIRE_FALSE(format);
    CHECK(format.error().code == Code::kNotFound);
    return format.error().hint;
  };
  CHECK(hint("sched:sched_swich") == "did you mean sched:sched_switch?");
  CHECK(hint("Sched:sched_wakeng") == "did you mean sched:sched_waking or sched:sched_wakeup?");
  CHECK(hint("sched_switch") == "did you mean sched:sched_switch?");
  CHECK(hint("interrupts:softirq_entry") == "did you mean irq:softirq_entry?");
  CHECK_THAT(hint("block:block_rq_issue"), Catch::Contains("system:name"));
  CHECK_THAT(hint("../events/sched:sched_switch"), Catch::Contains("?"));
  hint("sched:../sched/sched_switch");
  hint(":");
  hint("");
}

TEST_CASE("a root that is not there is an error with the mount command") {
  const Tracefs tracefs("/nonexistent/tracing");
  const auto events = tracefs.list_events();
  REQUIRE_FALSE(events);
  CHECK_THAT(events.error().hint, Catch::Contains("mount -t tracefs"));
  CHECK_FALSE(tracefs.load_format("sched:sched_switch"));
}

TEST_CASE("a root of the corpus is listed and loaded") {
  const auto root = oc::test::corpus("tracefs");
  if (root.empty()) {
    WARN("skipped: no corpus folder tracefs (set OC_CORPUS)");
    return;
  }
  const Tracefs tracefs((root / "android_hammerhead_MRA59G_3.4.0").string());
  const auto events = tracefs.list_events("sched:*");
  REQUIRE(events);
  CHECK(events->size() > 10);
  const auto format = tracefs.load_format("sched:sched_switch");
  REQUIRE(format);
  CHECK(format->find("prev_comm")->offset == 12);
  CHECK(format->find("prev_state")->size == 4);
}

TEST_CASE("the running kernel's events are listed and loaded") {
  const auto root = find_tracefs();
  if (!root) {
    WARN("skipped: " << root.error().what << "; " << root.error().hint);
    return;
  }
  const Tracefs tracefs(*root);
  const auto events = tracefs.list_events();
  REQUIRE(events);
  CHECK(events->size() > 100);
  CHECK(std::is_sorted(events->begin(), events->end()));
  const auto format = tracefs.load_format("sched:sched_switch");
  REQUIRE(format);
  CHECK(format->find("next_pid") != nullptr);
}
