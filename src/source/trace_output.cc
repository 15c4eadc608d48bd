#include "source/trace_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace oc::source {

using base::Code;
using base::make_error;

namespace {

/// What speaks against a file of this name, before anything is made.
base::Status check_place(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) {
    return base::system_error(errno, "cannot write " + path + ": there is no folder " + folder,
                              "mkdir -p " + folder);
  }
  if (slash + 1 == path.size())
    return make_error(Code::kUsage, path + " names a folder, not a file", "add a file's name");
  return {};
}

bool is_still_at(const base::Fd& fd, const std::string& path) {
  struct stat open {};
  struct stat named {};
  return fstat(fd.number(), &open) == 0 && lstat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// False: somebody took the name meanwhile. Where a file system has no locks, nobody else is seen.
base::Result<bool> lock(const base::Fd& fd, const std::string& partial) {
  if (flock(fd.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return make_error(Code::kUsage, partial + " is being written by another recording",
                      "choose another name with -o");
  }
  return is_still_at(fd, partial);
}

/// Takes the name from the file of an ended recording, whose lock we hold: what it has recorded is kept.
base::Status put_away(const std::string& partial, bool is_empty) {
  if (is_empty) {
    if (unlink(partial.c_str()) == 0) return {};
    return base::system_error(errno, "cannot remove the empty " + partial,
                              "choose another name with -o");
  }
  const std::string old = partial + ".old";
  if (::rename(partial.c_str(), old.c_str()) == 0) return {};
  return base::system_error(errno,
                            "cannot rename " + partial + ", of an ended recording, to " + old,
                            "move it away, or choose another name with -o");
}

/// Requires: the name was there. Afterwards it is free, or somebody else's, which the next attempt tells.
base::Status free_name(const std::string& partial) {
  const base::Fd older(
      ::open(partial.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!older && errno == ENOENT) return {};
  if (!older && errno == ELOOP) {
    return make_error(Code::kUsage, partial + " is a symbolic link, which is not followed",
                      "remove it, or choose another name with -o");
  }
  struct stat info {};
  if (!older || fstat(older.number(), &info) != 0)
    return base::system_error(errno, "cannot write " + partial, "choose another name with -o");
  if (!S_ISREG(info.st_mode)) {
    return make_error(Code::kUsage, partial + " is no regular file",
                      "remove it, or choose another name with -o");
  }
  const auto is_ours = lock(older, partial);
  if (!is_ours) return is_ours.error();
  if (!*is_ours) return {};
  // Once more: until the lock was ours its owner may have written to it.
  if (fstat(older.number(), &info) != 0)
    return base::system_error(errno, "cannot write " + partial);
  return put_away(partial, info.st_size == 0);
}

/// The file is always a new one, so that nothing is written through a link, and nothing another has opened is cut.
/// It is ours when its lock is, and it still has the name: whoever puts a file away holds that file's lock.
base::Result<base::Fd> open_partial(const std::string& partial) {
  constexpr int kMostAttempts = 100;  // each but the last lost a race against another recording
  for (int i = 0; i < kMostAttempts; ++i) {
    base::Fd fd(::open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd) {
      const auto is_ours = lock(fd, partial);
      if (!is_ours) return is_ours.error();
      if (*is_ours) return fd;
    } else if (errno != EEXIST) {
      return base::system_error(errno, "cannot write " + partial);
    } else if (auto status = free_name(partial); !status) {
      return std::move(status.error());
    }
  }
  return make_error(Code::kUsage, partial + " is being written by other recordings",
                    "choose another name with -o");
}

base::Error not_for_traces(const std::string& path, const char* what) {
  return make_error(Code::kUsage, path + " is " + what,
                    "give the name of a file, a FIFO or a character device");
}

/// What is no regular file and takes bytes as they come. Requires: it was there.
base::Result<base::Fd> open_stream(const std::string& path, mode_t mode) {
  if (S_ISBLK(mode)) return not_for_traces(path, "a block device, which would be overwritten");
  base::Fd fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (!fd) return base::system_error(errno, "cannot write " + path);
  struct stat info {};
  if (fstat(fd.number(), &info) != 0) return base::system_error(errno, "cannot write " + path);
  if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))
    return not_for_traces(path, "not what it was a moment ago");
  return fd;
}

/// As files the latter would be /dev/stdout.partial and the like, and a rename of the system's link.
bool names_stdout(const std::string& path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

base::Result<base::Fd> open_stdout() {
  if (isatty(STDOUT_FILENO) != 0) {
    return make_error(Code::kUsage, "a trace is not written to a terminal",
                      "oc record -o - | perf script -i -, or -o FILE");
  }
  base::Fd fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!fd) return base::system_error(errno, "cannot write to standard output");
  return fd;
}

}  // namespace

base::Result<TraceOutput> TraceOutput::open(const std::string& path) {
  TraceOutput output;
  output.path_ = output.current_path_ = path;
  if (names_stdout(path)) {
    output.path_ = output.current_path_ = "standard output";
    auto fd = open_stdout();
    if (!fd) return std::move(fd.error());
    output.fd_ = std::move(*fd);
    return output;
  }
  if (auto place = check_place(path); !place) return std::move(place.error());
  struct stat info {};
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    return make_error(Code::kUsage, path + " is a folder",
                      "give the file's name: " + path + "/perf.data");
  }
  if (exists && !S_ISREG(info.st_mode)) {
    auto fd = open_stream(path, info.st_mode);
    if (!fd) return std::move(fd.error());
    output.fd_ = std::move(*fd);
    return output;
  }
  auto partial = open_partial(path + ".partial");
  if (!partial) return std::move(partial.error());
  output.fd_ = std::move(*partial);
  output.current_path_ = path + ".partial";
  output.is_seekable_ = true;
  return output;
}

bool TraceOutput::is_stdout() const {
  struct stat ours {};
  struct stat trace {};
  if (is_seekable_ || fstat(STDOUT_FILENO, &ours) != 0 || fstat(fd_.number(), &trace) != 0)
    return false;
  // Nothing can be mixed up in a character device like /dev/null, and a terminal gets no trace.
  return !S_ISCHR(ours.st_mode) && ours.st_dev == trace.st_dev && ours.st_ino == trace.st_ino;
}

base::Error TraceOutput::failed(int number) const {
  std::string hint;
  if (number == ENOSPC || number == EDQUOT) hint = "the disk is full";
  if (number == EFBIG) hint = "the limit on the size of files is reached (ulimit -f)";
  if (number == EPIPE) hint = "the program that reads the trace has ended";
  return base::system_error(number, "cannot write " + current_path_, std::move(hint));
}

base::Status TraceOutput::write(std::span<const iovec> parts) {
  left_.assign(parts.begin(), parts.end());
  uint64_t at = reached_ = position_;
  size_t first = 0;
  while (first < left_.size()) {
    const int count = static_cast<int>(std::min<size_t>(left_.size() - first, IOV_MAX));
    const ssize_t written =
        is_seekable_ ? pwritev(fd_.number(), &left_[first], count, static_cast<off_t>(at))
                     : writev(fd_.number(), &left_[first], count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN && !is_seekable_) {
      pollfd reader{fd_.number(), POLLOUT, 0};  // a pipe that another made non-blocking
      poll(&reader, 1, -1);
      continue;
    }
    if (written < 0) return failed(errno);
    reached_ = at += static_cast<uint64_t>(written);
    auto rest = static_cast<size_t>(written);
    while (first < left_.size() && rest >= left_[first].iov_len) rest -= left_[first++].iov_len;
    if (rest == 0) continue;
    left_[first].iov_base = static_cast<uint8_t*>(left_[first].iov_base) + rest;
    left_[first].iov_len -= rest;
  }
  position_ = at;
  return {};
}

base::Status TraceOutput::write(std::span<const uint8_t> bytes) {
  const iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  return write(std::span(&part, 1));
}

base::Status TraceOutput::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(fd_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

void TraceOutput::discard() {
  if (is_seekable_ && !is_renamed_) unlink(current_path_.c_str());
  is_seekable_ = false;
  fd_.close();
}

base::Status TraceOutput::finish() {
  if (!is_seekable_ || is_renamed_) return {};
  if (ftruncate(fd_.number(), static_cast<off_t>(position_)) != 0) return failed(errno);
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0 && ::rename(path_.c_str(), (path_ + ".old").c_str()) != 0) {
    return base::system_error(errno, "cannot rename " + path_ + " to " + path_ + ".old",
                              "the new trace is " + current_path_);
  }
  if (::rename(current_path_.c_str(), path_.c_str()) != 0) {
    return base::system_error(errno, "cannot rename " + current_path_ + " to " + path_,
                              "the trace is complete under the first name");
  }
  is_renamed_ = true;
  current_path_ = path_;
  return {};
}

}  // namespace oc::source
