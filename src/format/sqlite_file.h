#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/fd.h"
#include "base/result.h"
#include "format/output.h"

namespace oc::format {

/// A text that is valid UTF-8 without NUL already; valid for the call.
struct SqliteText {
  std::string_view text;
};

/// What stands in one column: nothing, a whole number, a number, a text (valid for the call, made clean).
using SqliteValue = std::variant<std::monostate, int64_t, double, std::string_view, SqliteText>;

/// A database that is filled and read back as bytes. It lies in a file without a name in $TMPDIR or /var/tmp, which goes with
/// the process, whatever ends that. The first failure stays, what comes after it does nothing.
///
///     open ── run, insert … ── finish ── copy_to: the bytes
class SqliteFile {
 public:
  /// Errors: the folder.
  static base::Result<SqliteFile> open();
  SqliteFile(SqliteFile&& other) noexcept;
  SqliteFile& operator=(SqliteFile&&) = delete;
  ~SqliteFile();

  void run(const std::string& sql);

  /// A statement that is run again and again. Outlived by the file.
  class Insert {
   public:
    Insert(SqliteFile& file, const std::string& sql);
    void operator()(std::initializer_list<SqliteValue> values) {
      (*this)(std::span<const SqliteValue>(values.begin(), values.size()));
    }
    void operator()(std::span<const SqliteValue> values);

   private:
    struct Finalize {
      void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    SqliteFile& file_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  };

  /// Closes it; afterwards `copy_to` has all of it.
  base::Status finish();
  /// Errors: it cannot be read back. What fails in `out` is for whoever finishes that.
  base::Status copy_to(Output& out) const;
  const base::Status& status() const { return status_; }

 private:
  SqliteFile() = default;
  void fail(std::string_view doing);

  std::string path_;  ///< what it had been, for errors
  base::Fd file_;
  sqlite3* database_ = nullptr;
  base::Status status_;
};

}  // namespace oc::format
