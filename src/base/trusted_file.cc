#include "base/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace oc::base {

namespace {
constexpr size_t kMost = 64 << 10;
}

Result<std::string> read_trusted(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const std::string left_out = path + " is left out: ";
  // A folder that may not be entered is another user's: a home that was kept by su.
  const bool is_hidden = !fd && errno == EACCES && access(path.c_str(), F_OK) != 0;
  if (!fd && (is_hidden || errno == ENOENT || errno == ENOTDIR)) {
    return make_error(Code::kNotFound, "there is no " + path);
  }
  struct stat info {};
  if (!fd || fstat(fd.number(), &info) != 0) return system_error(errno, path + " is left out");
  if (!S_ISREG(info.st_mode)) return std::string();
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return make_error(Code::kPermission, left_out + "it belongs to uid " +
                                             std::to_string(info.st_uid) + " and oc runs as uid " +
                                             std::to_string(geteuid()));
  }
  const bool group_is_roots = info.st_gid == 0 || geteuid() != 0;
  if ((info.st_mode & S_IWGRP) != 0 && !group_is_roots) {
    return make_error(Code::kPermission, left_out + "its group may write it (chmod g-w)");
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return make_error(Code::kPermission, left_out + "everybody may write it (chmod o-w)");
  }
  std::string text(kMost + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(fd.number(), text.data() + size, text.size() - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return system_error(errno, path + " is left out");
    if (count > 0) size += static_cast<size_t>(count);
  }
  if (size > kMost) return make_error(Code::kInvalid, left_out + "it is larger than 64 KiB");
  text.resize(size);
  return text;
}

}  // namespace oc::base
