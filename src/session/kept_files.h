#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "base/fd.h"
#include "perf/code_files.h"
#include "process/address_spaces.h"

namespace oc::session {

/// Live: files of mapped code, held open from the moment they were mapped: those that were mapped while it runs, and of what ran
/// already those that are not to be found by their path (other mount namespaces, deleted and replaced ones). A process may be
/// gone when its names are asked for, and its program replaced.
///
/// Where there are too many, those that their path leads to go first, the oldest ones: who needs them finds them there. A file
/// that was removed takes space on its disk as long as it is held, so there is an end to that, too. One thread looks, any may
/// ask.
class KeptFiles {
 public:
  struct Limits {
    size_t files = 256;
    uint64_t removed_bytes = uint64_t{1} << 30;  ///< of files without a name, all together
  };

  KeptFiles() = default;
  explicit KeptFiles(Limits limits) : limits_(limits) {}

  /// A mapping that was told of just now (`time` 0: that was there already): adds what `files` knows of its file, and keeps it
  /// where that is wanted.
  void look_at(perf::CodeFiles& files, int32_t pid, base::Nanos time, process::Mapping& mapping);
  /// A copy of the module's descriptor; none: it is not kept.
  base::Fd lend(const process::Module& module) const;
  /// What could not be kept, in words; "": nothing.
  std::string note() const;

 private:
  using Key =
      std::tuple<uint64_t, uint64_t, uint64_t, uint64_t>;  ///< device, inode, generation, contents
  struct Kept {
    base::Fd fd;
    std::string path;
    uint64_t order = 0;  ///< of arrival
  };
  using Files = std::map<Key, Kept>;

  static Key key_of(const process::Mapping& mapping);
  void keep(const process::Mapping& mapping, base::Fd fd);
  void drop_findable();
  void drop_removed();

  Limits limits_;
  mutable std::mutex mutex_;  ///< of changes, and of those who ask
  Files files_;
  uint64_t came_ = 0;
  uint64_t full_for_ = 0;          ///< files that came when there was no room
  uint64_t dropped_ = 0;           ///< removed files that took too much space
  base::Nanos all_needed_at_ = 0;  ///< the last time that none could be found by its path
  base::Nanos measured_at_ = 0;
};

}  // namespace oc::session
