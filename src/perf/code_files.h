#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/id.h"
#include "perf/maps_line.h"
#include "sys/file_identity.h"

namespace oc::perf {

/// A file that code was mapped from, as it was then.
struct MappedFile {
  static constexpr uint64_t kGone = ~uint64_t{0};

  std::string path;
  std::vector<uint8_t> build_id;
  bool is_kernel = false;
  uint64_t generation = 0;  ///< of its inode; 0: not told
  /// As sys::FileIdentity; 0: not told; kGone: it was changed before anybody had looked at it, so that its build id is
  /// not known, and whatever lies there now is something else.
  uint64_t contents = 0;
};

/// The files that code is mapped from. The one place that says which file a mapping is of:
///
///     device, inode ──> versions, by time:  |---- build id a ----|written over, or made anew|---- build id b ----
///                              mapped here: ^ a                            ^ a: not looked at in between: gone  ^ b
///
/// Files are looked at as the processes see them (/proc/PID/map_files, /proc/PID/root), when they are mapped later than at
/// the last look; their build ids are read when they are new or have been changed. What cannot be opened is tried again, less
/// and less often. One thread.
class CodeFiles {
 public:
  static constexpr size_t kMost = 1 << 14;

  /// `most`: files that are known at a time; of more, those that were looked at longest ago are forgotten.
  explicit CodeFiles(std::string proc = "/proc", size_t most = kMost)
      : proc_(std::move(proc)), most_(most) {}

  /// The file that process `pid` maps as `mapping` says; null when it is none, or nobody can see it. `mapped_at`:
  /// CLOCK_MONOTONIC; 0: it is mapped now. `opened` gets the open file, where it is one that was found there.
  /// Owned: until the next call.
  const MappedFile* find(int32_t pid, const MapsLine& mapping, base::Nanos mapped_at = 0,
                         base::Fd* opened = nullptr);
  /// The same of what is known without another look: null when one is needed.
  const MappedFile* find_known(const MapsLine& mapping, base::Nanos mapped_at) const;

  void add_kernel(std::string name, std::vector<uint8_t> build_id);
  /// All that were found and are not forgotten, without those of which nothing is known.
  const std::vector<MappedFile>& all() const { return files_; }

 private:
  using Key = std::pair<uint64_t, uint64_t>;  ///< device and inode

  /// Contents that an inode had for a while, CLOCK_REALTIME.
  struct Version {
    sys::FileIdentity identity;
    base::Nanos since = 0;  ///< it has been like this at least since then
    base::Nanos seen = 0;   ///< when it was looked at last
    size_t index = 0;       ///< in files_
  };
  struct Failures {
    uint32_t asked = 0;
    uint32_t next = 1;  ///< to be tried when it is asked for so many times
  };
  /// A file that was found, and whether it is still mapped.
  struct Found {
    base::Fd fd;
    sys::FileIdentity identity;
    bool is_mapped = false;
  };

  const MappedFile* find_vdso(const MapsLine& mapping);
  Found open_mapped(int32_t pid, const MapsLine& mapping) const;
  Version& look_at(int fd, const sys::FileIdentity& identity, const MapsLine& mapping);
  const std::vector<Version>* versions_of(const MapsLine& mapping) const;
  const MappedFile* find_certain(const MapsLine& mapping, base::Nanos mapped) const;
  const MappedFile* find_unseen(const MapsLine& mapping, base::Nanos mapped);
  base::Nanos wall_time_of(base::Nanos monotonic) const;
  const MappedFile* find_fresh(const MapsLine& mapping) const;
  static bool was_so(const std::vector<Version>& versions, const Found& found,
                     const MapsLine& mapping, base::Nanos mapped);
  const MappedFile* find_gone(const MapsLine& mapping);
  bool may_try(const Key& key);
  void forget_oldest();

  std::string proc_;
  size_t most_;
  std::map<Key, std::vector<Version>> versions_;  ///< the last one is that of now
  std::map<Key, Failures> failures_;
  std::vector<MappedFile> files_;
  static constexpr size_t kNone = ~size_t{0};
  size_t vdso_ = kNone;               ///< in files_
  mutable int64_t clock_offset_ = 0;  ///< CLOCK_REALTIME less CLOCK_MONOTONIC
  MappedFile gone_;                   ///< what find() hands out for a version that nobody has seen
};

}  // namespace oc::perf
