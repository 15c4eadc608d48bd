#include "format/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace oc::format {

using base::Code;
using base::make_error;

namespace {

constexpr mode_t kMode = 0666;  ///< less what umask takes: people pass exports on

/// A reader that has gone or a full disk is an error that append tells: no signal.
void ignore_signals_of_writes() {
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
}

base::Error is_there(const std::string& path) {
  return make_error(Code::kUsage, path + " is there already",
                    "choose another name, or replace it with --force");
}

base::Error not_for_exports(const std::string& path, const char* what) {
  return make_error(Code::kUsage, path + " is " + what,
                    "give the name of a file, or - for standard output");
}

/// Unused in this process; other processes have other numbers.
std::string unused_name(const std::string& folder, const char* ending) {
  static std::atomic<uint32_t> next{0};
  return folder + ".oc-" + std::to_string(getpid()) + "-" + std::to_string(++next) + ending;
}

/// Where the bytes of a link go to: replacing the link itself would leave its file as it was.
std::string end_of_links(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) == nullptr ? path : real;
}

std::string path_of(const base::Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.number()); }

}  // namespace

bool names_stdout(const std::string& path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      folder_(std::move(other.folder_)),
      overwrites_(other.overwrites_),
      fd_(std::move(other.fd_)) {}

OutputFile::~OutputFile() {
  if (!partial_.empty()) unlink(partial_.c_str());
}

base::Result<OutputFile> OutputFile::open(const std::string& path, const Options& options) {
  ignore_signals_of_writes();
  OutputFile file;
  file.path_ = path;
  if (names_stdout(path)) {
    file.path_ = "standard output";
    file.fd_ = base::Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!file.fd_) return file.failed(errno);
    return file;
  }
  struct stat info {};
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) return not_for_exports(path, "a folder");
  if (exists && S_ISBLK(info.st_mode)) return not_for_exports(path, "a block device");
  if (exists && S_ISSOCK(info.st_mode)) return not_for_exports(path, "a socket");
  if (exists && !S_ISREG(info.st_mode)) {
    file.fd_ = base::Fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!file.fd_) return file.failed(errno);
    return file;
  }
  if (exists && !options.overwrites) return is_there(path);
  if (exists) file.path_ = end_of_links(path);
  const size_t slash = file.path_.rfind('/');
  if (slash + 1 == file.path_.size()) return not_for_exports(path, "the name of a folder");
  const std::string folder = slash == std::string::npos ? "./" : file.path_.substr(0, slash + 1);
  if (auto status = file.open_beside(folder, options); !status) return std::move(status.error());
  // What its owner kept from others stays so.
  if (exists) fchmod(file.fd_.number(), info.st_mode & 0777);
  return file;
}

base::Status OutputFile::open_beside(const std::string& folder, const Options& options) {
  folder_ = folder;
  overwrites_ = options.overwrites;
  if (options.may_be_unnamed) {
    fd_ = base::Fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode));
    if (fd_ && access(path_of(fd_).c_str(), F_OK) == 0) return {};  // by which it will be linked
    if (!fd_ && errno == ENOENT) {
      return make_error(Code::kNotFound, "cannot write " + path_ + ": there is no folder " + folder,
                        "mkdir -p " + folder);
    }
    if (!fd_ && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return failed(errno);
  }
  const std::string partial = unused_name(folder, ".partial");
  fd_ = base::Fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  if (!fd_) return failed(errno);
  partial_ = partial;
  return {};
}

base::Error OutputFile::failed(int number) const {
  std::string hint;
  if (number == ENOSPC || number == EDQUOT) hint = "the disk is full";
  if (number == EFBIG) hint = "the limit on the size of files is reached (ulimit -f)";
  if (number == EPIPE) hint = "the program that reads it has ended";
  if (number == EACCES || number == EROFS) hint = "choose a folder that you may write to";
  return base::system_error(number, "cannot write " + path_, std::move(hint));
}

base::Status OutputFile::append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd reader{fd_.number(), POLLOUT, 0};  // a pipe that another made non-blocking
      poll(&reader, 1, -1);
      continue;
    }
    if (written < 0) return failed(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

base::Status OutputFile::finish() {
  if (folder_.empty()) return {};
  if (overwrites_) return replace();
  return take_name();
}

/// Only if nobody has it.
base::Status OutputFile::take_name() {
  int status = 0;
  if (partial_.empty()) {
    status = linkat(AT_FDCWD, path_of(fd_).c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW);
  } else {
    status = renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
    if (status == 0) {
      partial_.clear();
    } else if (errno != EEXIST) {  // a file system that cannot: then it has links
      status = link(partial_.c_str(), path_.c_str());
    }
  }
  if (status != 0) return errno == EEXIST ? is_there(path_) : failed(errno);
  return {};
}

/// A link does not replace: what has no name gets one first.
base::Status OutputFile::replace() {
  if (partial_.empty()) {
    const std::string partial = unused_name(folder_, ".partial");
    if (linkat(AT_FDCWD, path_of(fd_).c_str(), AT_FDCWD, partial.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return failed(errno);
    }
    partial_ = partial;
  }
  if (::rename(partial_.c_str(), path_.c_str()) != 0) return failed(errno);
  partial_.clear();
  return {};
}

bool OutputFile::is_terminal() const { return isatty(fd_.number()) != 0; }

}  // namespace oc::format
