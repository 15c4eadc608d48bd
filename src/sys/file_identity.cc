#include "sys/file_identity.h"

#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

namespace oc::sys {

namespace {

base::Nanos nanos_of(const timespec& time) {
  return static_cast<base::Nanos>(time.tv_sec) * 1'000'000'000u +
         static_cast<base::Nanos>(time.tv_nsec);
}

/// The kernel writes 32 bits, whatever the number of the call says.
uint64_t generation_of(int fd) {
  std::array<uint32_t, 2> generation{};
  return ioctl(fd, FS_IOC_GETVERSION, generation.data()) == 0 ? generation[0] : 0;
}

/// Mappings tell the device of the file system; stat that of the subvolume, or of the overlay instead of what is below.
bool has_own_device(int fd) {
  constexpr uint64_t kBcachefs = 0xca451a4e;  // fs/bcachefs; not in linux/magic.h
  struct statfs info {};
  if (fstatfs(fd, &info) != 0) return false;
  const auto type = static_cast<uint64_t>(info.f_type) & 0xffffffff;
  return type == BTRFS_SUPER_MAGIC || type == OVERLAYFS_SUPER_MAGIC || type == kBcachefs;
}

}  // namespace

bool FileIdentity::is_mapped_as(uint64_t of_device, uint64_t of_inode,
                                uint64_t of_generation) const {
  if (inode != of_inode || (device != of_device && !has_own_device)) return false;
  return generation == 0 || of_generation == 0 || generation == of_generation;
}

std::optional<FileIdentity> load_file_identity(int fd, uint64_t of_device) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  FileIdentity identity;
  identity.device = uint64_t{major(info.st_dev)} << 32 | minor(info.st_dev);
  identity.inode = info.st_ino;
  identity.generation = generation_of(fd);
  const base::Nanos written = nanos_of(info.st_mtim);
  identity.written = written;
  constexpr uint64_t kSpread = UINT64_C(0x9e3779b97f4a7c15);  // sizes are small, times are not
  identity.contents =
      std::max<uint64_t>(written ^ static_cast<uint64_t>(info.st_size) * kSpread, 1);
  // Removing a name is a change, too, but none of the contents.
  identity.changed = info.st_nlink == 0 ? written : nanos_of(info.st_ctim);
  identity.has_own_device = identity.device != of_device && has_own_device(fd);
  return identity;
}

}  // namespace oc::sys
