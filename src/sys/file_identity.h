#pragma once

#include <cstdint>
#include <optional>

#include "base/id.h"

namespace oc::sys {

/// Which file an open one is, and which contents it has now: a path, and a device with an inode, name another file as
/// soon as one is removed and made again, and other contents when it is written over.
struct FileIdentity {
  uint64_t device = 0;  ///< major << 32 | minor
  uint64_t inode = 0;
  uint64_t generation = 0;  ///< of the inode, which is used again (ext4, xfs, btrfs); 0: not told
  uint64_t contents =
      0;  ///< other contents, another number: of size and time of modification. Never 0.
  base::Nanos written =
      0;  ///< its time of modification, CLOCK_REALTIME: who copies a file may set it
  base::Nanos changed =
      0;  ///< that, or when it was renamed, linked …; of a file without a name `written`
  /// The device is another one than mappings tell, as on btrfs and overlays. Not asked where it is the mapping's.
  bool has_own_device = false;

  /// Whether a mapping of this device, inode and generation (0: not told) is one of this file.
  bool is_mapped_as(uint64_t of_device, uint64_t of_inode, uint64_t of_generation) const;
};

/// Nothing: it is no regular file. `of_device`: that of the mapping that it is to be, where there is one.
/// Source: ioctl_iflags(2), FS_IOC_GETVERSION in linux/fs.h.
std::optional<FileIdentity> load_file_identity(int fd, uint64_t of_device = ~uint64_t{0});

}  // namespace oc::sys
