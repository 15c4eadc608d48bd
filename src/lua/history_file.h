#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace oc::lua {

/// What was typed in earlier sessions: one entry a line, the oldest first, `\` and line ends escaped.
///
/// Each entry is appended when it was typed, so that nothing is lost when the program is killed, and
/// several sessions may write. When the file is larger than it should be it is written anew beside and
/// renamed: the newest of equal entries stay, kMost at the most. Nobody else may read it (0600), and the folders on the
/// way to it, and links, are root's or this user's. The folder is locked meanwhile (flock).
class HistoryFile {
 public:
  static constexpr size_t kMost = 5000;
  static constexpr size_t kMostBytes = 65536;  ///< of an entry: longer ones are not kept

  explicit HistoryFile(std::string path) : path_(std::move(path)) {}

  /// $XDG_STATE_HOME/oc/history, or ~/.local/state/oc/history; "" where neither is known.
  static std::string default_path();

  /// The entries, without all but the newest of equal ones; none when there is no file. An Error for
  /// one that is not this user's or no regular file.
  base::Result<std::vector<std::string>> load();
  base::Status add(std::string_view entry);

 private:
  base::Status rewrite(const base::Fd& folder, const std::vector<std::string>& entries);

  std::string path_;
};

}  // namespace oc::lua
