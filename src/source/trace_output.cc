#include "source/trace_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

base::Result<base::Fd> open_partial(const std::string& partial) {
  struct stat info {};
  if (stat(partial.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    const base::Fd older(::open(partial.c_str(), O_RDONLY | O_CLOEXEC));
    if (older && flock(older.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return make_error(Code::kUsage, partial + " is being written by another recording",
                        "choose another name with -o");
    }
    ::rename(partial.c_str(), (partial + ".old").c_str());
  }
  base::Fd fd(::open(partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return base::system_error(errno, "cannot write " + partial);
  flock(fd.number(), LOCK_EX | LOCK_NB);
  return fd;
}

}  // namespace

base::Result<TraceOutput> TraceOutput::open(const std::string& path) {
  TraceOutput output;
  output.path_ = output.current_path_ = path;
  if (path == "-") {
    output.path_ = output.current_path_ = "standard output";
    if (isatty(STDOUT_FILENO) != 0) {
      return make_error(Code::kUsage, "a trace is not written to a terminal",
                        "oc record -o - | perf script -i -, or -o FILE");
    }
    output.fd_ = base::Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!output.fd_) return base::system_error(errno, "cannot write to standard output");
    return output;
  }
  if (auto place = check_place(path); !place) return std::move(place.error());
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return make_error(Code::kUsage, path + " is a folder",
                        "give the file's name: " + path + "/perf.data");
    if (!S_ISREG(info.st_mode)) {
      output.fd_ = base::Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!output.fd_) return base::system_error(errno, "cannot write " + path);
      return output;
    }
  }
  auto partial = open_partial(path + ".partial");
  if (!partial) return std::move(partial.error());
  output.fd_ = std::move(*partial);
  output.current_path_ = path + ".partial";
  output.is_seekable_ = true;
  return output;
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
  if (stat(path_.c_str(), &info) == 0 && ::rename(path_.c_str(), (path_ + ".old").c_str()) != 0) {
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
