#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace oc::tar {

/// How much an archive may hold: what is beyond is refused before it is written.
struct Limits {
  uint64_t bytes = uint64_t{64} << 30;
  uint32_t members = 1 << 16;  ///< and so many folders
  uint32_t growth = 1000;      ///< unpacked it is at most so many times as large, and 64 MiB
};

/// A file in an archive.
struct Member {
  std::string name;  ///< relative, without "..": may be joined to a folder's path
  uint64_t size_bytes = 0;
};

/// Reads a tar archive (plain, zstd, gzip, xz) one file after another. Archives are foreign: names that lead out of their
/// folder, links, devices, too many or too large members end the reading with an error that names them. One thread.
class Reader {
 public:
  /// Errors: absent, unreadable.
  static base::Result<std::unique_ptr<Reader>> open(const std::string& path, Limits limits = {});
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// The next regular file; nothing behind the last. Folders are passed over. Errors: kNotFound: it is no archive.
  base::Result<std::optional<Member>> next();
  /// The last error is of what was read, which is cut off or damaged: what came before is whole.
  bool is_damaged() const;
  /// Writes the one that `next` told to a file; holes stay holes. Ends with an error when `is_asked_to_stop` says true.
  base::Status copy_to(
      const base::Fd& fd, const std::function<bool()>& is_asked_to_stop = [] { return false; });

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whether a file begins as an archive does, by its first bytes: also any file packed with zstd, gzip or xz.
bool may_be_archive(const std::string& path);

/// Why this name may not be a file's place below a folder; "" when it may.
std::string find_name_problem(const std::string& name);

}  // namespace oc::tar
