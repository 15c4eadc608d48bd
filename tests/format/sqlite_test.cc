#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "format/exported_world.h"
#include "format/sqlite_file.h"
#include "support/sample_maker.h"

using namespace oc;
using machine::Machine;
using test::exported;

namespace {

/// An export, opened by SQLite itself.
class Opened {
 public:
  explicit Opened(const std::string& bytes) {
    REQUIRE(sqlite3_open(":memory:", &database_) == SQLITE_OK);
    auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), copy);
    const auto size = static_cast<sqlite3_int64>(bytes.size());
    REQUIRE(sqlite3_deserialize(database_, "main", copy, size, size,
                                SQLITE_DESERIALIZE_FREEONCLOSE) == SQLITE_OK);
  }
  ~Opened() { sqlite3_close(database_); }

  /// Rows as "a|b|c", one on a line; nothing is "".
  std::string ask(const std::string& sql) {
    std::string text;
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      if (!text.empty()) text += '\n';
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        text += (i == 0 ? "" : "|") + std::string(value == nullptr ? "" : value);
      }
    }
    sqlite3_finalize(statement);
    return text;
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace

TEST_CASE("tables hold samples, stacks, functions, processes, spans, attributes and losses") {
  Opened tables(exported("web", "sqlite"));
  CHECK(tables.ask("PRAGMA integrity_check") == "ok");
  CHECK(tables.ask("PRAGMA foreign_key_check").empty());
  CHECK(tables.ask("SELECT count(*), sum(value) FROM samples") == "40|40000");
  CHECK(tables.ask("SELECT pid, name FROM processes ORDER BY pid") == "100|web\n200|db");
  CHECK(tables.ask("SELECT tid, name FROM threads ORDER BY tid") == "100|web\n101|web\n200|db");
  CHECK(tables.ask("SELECT * FROM named_samples WHERE id = 2") ==
        "2|1000000|cycles|1000|count|100|101|web|web|1|malloc|/usr/lib/x86_64-linux-gnu/"
        "libc.so.6|2|");
  CHECK(tables.ask(
            "SELECT name, total, self FROM function_totals ORDER BY total DESC, name LIMIT 4") ==
        "main|40000|0\nserve|28000|0\nmalloc|14000|14000\nnext|14000|0");
  CHECK(tables.ask(
            "SELECT group_concat(name, ';') FROM (SELECT name FROM stack_frames JOIN frames ON "
            "frames.id = frame "
            "JOIN functions ON functions.id = function WHERE stack = 2 ORDER BY position DESC)") ==
        "main;serve;parse;next;malloc");
  CHECK(tables.ask("SELECT file, line, module_offset, is_inlined FROM frames WHERE line = 12") ==
        "/src/token.cc|12|0x0000000000001234|1");
  CHECK(tables.ask("SELECT s.name, end_ns - start_ns, value FROM spans s JOIN attributes ON set_id "
                   "= s.attributes "
                   "WHERE attributes.name = 'path' ORDER BY s.id LIMIT 1") ==
        "GET /index.html|8000000|/index.html");
  CHECK(tables.ask("SELECT * FROM losses") == "2|cycles|17");
  CHECK(tables.ask("SELECT value FROM facts WHERE name = 'host.kernel'") == "6.1.0");
  CHECK(tables.ask("SELECT text FROM notes") == "17 records were lost: 17 cycles");
}

TEST_CASE("tables of no samples and of one sample are tables") {
  CHECK(Opened(exported("empty", "sqlite")).ask("SELECT count(*) FROM named_samples") == "0");
  CHECK(Opened(exported("one", "sqlite")).ask("SELECT function, value FROM named_samples") ==
        "work|7");
}

TEST_CASE("tables hold names as valid texts of any length") {
  Opened tables(exported("hostile", "sqlite"));
  CHECK(tables.ask("PRAGMA integrity_check") == "ok");
  CHECK(tables.ask("SELECT count(*) FROM functions WHERE length(name) = 65536") == "1");
  CHECK(tables.ask("SELECT count(*) FROM functions WHERE name = 'a' || char(0xfffd) || 'b'") ==
        "1");
  CHECK(tables.ask("SELECT count(*) FROM functions WHERE name LIKE '</script>%'") == "1");
}

TEST_CASE("a part of a trace tells of nobody else") {
  Machine machine;
  test::fill_web(machine);
  machine::Filter database;
  database.comms = {"db"};
  Opened tables(exported(machine, "sqlite", {database, "", true, true}));
  CHECK(tables.ask("SELECT name FROM processes") == "db");
  CHECK(tables.ask("SELECT count(*) FROM spans") == "0");
  CHECK(tables.ask("SELECT count(*) FROM samples") == "10");
  CHECK(tables.ask("SELECT count(*) FROM attributes") == "0");
}

TEST_CASE("mappings, build ids and times without an end are told") {
  base::Interner texts;
  process::ModuleTable modules(texts);
  process::Module module;
  module.kind = process::ModuleKind::kFile;
  module.path = texts.intern("/bin/web");
  const std::array<uint8_t, 3> id{0x0a, 0xff, 0x01};
  module.build_id = process::BuildId(id);
  Machine machine({&modules, nullptr, nullptr, nullptr});
  test::SampleMaker maker(machine);
  maker.add("cycles", 5, 0.25, 7, 7, "a", 0, machine::kNoCpu);
  machine::MachineMapping mapping;
  mapping.module = modules.intern(module);
  mapping.start = 0xffff800000000000;
  mapping.end = 0xffff800000001000;
  mapping.offset = 0x2000;
  machine.processes.map(3, 7, mapping);
  Opened tables(exported(machine, "sqlite"));
  CHECK(tables.ask(
            "SELECT start_address, end_address, module_offset, from_ns, until_ns FROM mappings") ==
        "0xffff800000000000|0xffff800000001000|0x0000000000002000|3|");
  CHECK(tables.ask("SELECT path, build_id FROM modules") == "/bin/web|0aff01");
  CHECK(tables.ask("SELECT value, cpu, stack FROM samples") == "0.25||");
}

TEST_CASE("the same machine gives the same tables") {
  CHECK(exported("many", "sqlite") == exported("many", "sqlite"));
}

TEST_CASE("a folder that is not there is an error that says what to do") {
  const char* before = getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", "/nonexistent/folder", 1);
  const auto file = format::SqliteFile::open();
  if (before == nullptr) {
    unsetenv("TMPDIR");
  } else {
    setenv("TMPDIR", kept.c_str(), 1);
  }
  REQUIRE_FALSE(file);
  CHECK(file.error().what.find("/nonexistent/folder") != std::string::npos);
  CHECK(file.error().hint.find("TMPDIR") != std::string::npos);
}

TEST_CASE("a disk that is full is an error with a reason") {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1 << 16, 1 << 16};
    setrlimit(RLIMIT_FSIZE, &small);
    Machine machine;
    test::fill_many(machine, 5000);
    const std::string said = exported(machine, "sqlite");
    _exit(said.starts_with("error: cannot write tables in ") ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
