#include "format/sqlite_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "format/frame_texts.h"

namespace oc::format {

namespace {

std::string temporary_folder() {
  const char* named = getenv("TMPDIR");
  return named != nullptr && named[0] == '/' ? named : "/var/tmp";
}

}  // namespace

base::Result<SqliteFile> SqliteFile::open() {
  SqliteFile file;
  std::string path = temporary_folder() + "/oc-tables-XXXXXX";
  file.file_ = base::Fd(mkostemp(path.data(), O_CLOEXEC));
  if (!file.file_) {
    return base::system_error(errno, "cannot make a temporary file in " + temporary_folder(),
                              "TMPDIR names a folder with room for the tables");
  }
  file.path_ = path;
  const int opened = sqlite3_open_v2(path.c_str(), &file.database_, SQLITE_OPEN_READWRITE, nullptr);
  unlink(path.c_str());
  if (opened != SQLITE_OK) {
    file.fail("open");
    return std::move(file.status_.error());
  }
  // Nobody else reads it and a failed one is thrown away: no journal. The same size and encoding wherever it is made;
  // no bytes of earlier contents.
  file.run(
      "PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA journal_mode=OFF; PRAGMA "
      "synchronous=OFF;"
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA secure_delete=ON; PRAGMA cache_size=-65536; BEGIN");
  return file;
}

SqliteFile::SqliteFile(SqliteFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      database_(std::exchange(other.database_, nullptr)),
      status_(std::move(other.status_)) {}

SqliteFile::~SqliteFile() {
  if (database_ != nullptr) sqlite3_close(database_);
}

void SqliteFile::fail(std::string_view doing) {
  if (!status_) return;
  const std::string reason = database_ == nullptr ? "no memory" : sqlite3_errmsg(database_);
  status_ = base::make_error(
      base::Code::kSystem,
      std::string("cannot ") + std::string(doing) + " tables in " + path_ + ": " + reason,
      "TMPDIR names a folder with room for the tables");
}

void SqliteFile::run(const std::string& sql) {
  if (status_ && sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail("write");
}

SqliteFile::Insert::Insert(SqliteFile& file, const std::string& sql) : file_(file) {
  sqlite3_stmt* statement = nullptr;
  if (file.status_ &&
      sqlite3_prepare_v2(file.database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    file.fail("prepare");
  }
  statement_.reset(statement);
}

void SqliteFile::Insert::operator()(std::span<const SqliteValue> values) {
  if (!file_.status_) return;
  sqlite3_stmt* statement = statement_.get();
  int column = 0;
  int failed = SQLITE_OK;
  for (const SqliteValue& value : values) {
    ++column;
    if (const auto* whole = std::get_if<int64_t>(&value)) {
      failed |= sqlite3_bind_int64(statement, column, *whole);
    } else if (const auto* number = std::get_if<double>(&value)) {
      failed |= sqlite3_bind_double(statement, column, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      const std::string clean = clean_text(*text);
      failed |= sqlite3_bind_text(statement, column, clean.data(), static_cast<int>(clean.size()),
                                  SQLITE_TRANSIENT);
    } else if (const auto* ready = std::get_if<SqliteText>(&value)) {
      failed |= sqlite3_bind_text(statement, column, ready->text.data(),
                                  static_cast<int>(ready->text.size()), SQLITE_STATIC);
    } else {
      failed |= sqlite3_bind_null(statement, column);
    }
  }
  if (failed != SQLITE_OK || sqlite3_step(statement) != SQLITE_DONE) file_.fail("write");
  sqlite3_reset(statement);
}

base::Status SqliteFile::copy_to(Output& out) const {
  std::vector<uint8_t> bytes(1 << 18);
  off_t at = 0;
  while (out.status()) {
    const ssize_t size = pread(file_.number(), bytes.data(), bytes.size(), at);
    if (size < 0) return base::system_error(errno, "cannot read the tables back");
    if (size == 0) break;
    out.write(std::span<const uint8_t>(bytes.data(), static_cast<size_t>(size)));
    at += size;
  }
  return {};
}

base::Status SqliteFile::finish() {
  run("COMMIT");
  if (status_ && sqlite3_close(database_) != SQLITE_OK) {
    fail("close");
  } else if (status_) {
    database_ = nullptr;
  }
  return status_;
}

}  // namespace oc::format
