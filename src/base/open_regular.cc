#include "base/open_regular.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

namespace oc::base {
namespace {

constexpr int kTries = 8;  ///< EAGAIN: something was renamed meanwhile

bool has_parent_part(const std::string& path) {
  return ("/" + path + "/").find("/../") != std::string::npos;
}

/// Before Linux 5.6, and where a container forbids the call, links are not kept inside; "..", which an archive can hold, is.
Fd open_below(const std::string& path, const std::string& root, int flags) {
  if (root.empty()) return Fd(::open(path.c_str(), flags));
  const Fd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return {};
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kTries; ++i) {
    Fd fd(static_cast<int>(syscall(SYS_openat2, folder.number(), path.c_str(), &how, sizeof how)));
    if (fd) return fd;
    if (errno != EAGAIN) break;
  }
  if (errno != ENOSYS && errno != EPERM) return {};
  if (!has_parent_part(path)) return Fd(::open((root + "/" + path).c_str(), flags));
  errno = EXDEV;
  return {};
}

}  // namespace

Result<Fd> open_regular(const std::string& path, const std::string& root) {
  const std::string shown = root + path;
  const Fd place = open_below(path, root, O_PATH | O_CLOEXEC);
  struct stat info {};
  if (!place || fstat(place.number(), &info) != 0)
    return system_error(errno, "cannot open " + shown);
  if (S_ISDIR(info.st_mode)) return make_error(Code::kInvalid, shown + " is a folder, not a file");
  if (!S_ISREG(info.st_mode))
    return make_error(Code::kUnsupported, shown + " is not a regular file");
  Fd fd = open_below(path, root, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (!fd) return system_error(errno, "cannot open " + shown);
  return fd;
}

}  // namespace oc::base
