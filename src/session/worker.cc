#include "session/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

namespace oc::session {

namespace {

/// A file without a name: on disk where a folder for such files takes one, otherwise in memory.
base::Fd open_nameless() {
  const char* folder = std::getenv("TMPDIR");
  base::Fd fd(::open(folder != nullptr && *folder != 0 ? folder : "/tmp",
                     O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
  return fd ? std::move(fd) : base::Fd(memfd_create("oc-worker", MFD_CLOEXEC));
}

}  // namespace

base::Result<Worker> Worker::prepare() {
  Worker worker;
  for (base::Fd& file : worker.files_) {
    file = open_nameless();
    if (!file) return base::system_error(errno, "cannot make a file for what a worker finds");
  }
  void* page =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return base::system_error(errno, "cannot share memory with a worker");
  worker.shared_ = new (page) Shared{};
  return worker;
}

base::Result<bool> Worker::fork() {
  std::fflush(nullptr);  // or the worker would write it once more
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
  const pid_t parent = getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool is_orphan = getppid() != parent;
    const bool has_streams = dup2(files_[kOutput].number(), STDOUT_FILENO) >= 0 &&
                             dup2(files_[kErrors].number(), STDERR_FILENO) >= 0;
    if (is_orphan || !has_streams) _exit(1);
    return true;
  }
  const int failure = errno;
  unblock();
  if (pid < 0) return base::system_error(failure, "cannot start a worker");
  pid_ = pid;
  pidfd_ = base::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return false;
}

void Worker::unblock() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Worker::Worker(Worker&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      files_(std::move(other.files_)),
      mapped_(std::exchange(other.mapped_, {})),
      shared_(std::exchange(other.shared_, nullptr)),
      status_(other.status_),
      before_(other.before_) {}

Worker::~Worker() {
  if (pid_ > 0 && !status_) {
    kill(pid_, SIGKILL);  // not waited for yet: the number is surely its own
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  for (const std::string_view text : mapped_) {
    if (text.data() != nullptr) munmap(const_cast<char*>(text.data()), text.size());
  }
  if (shared_ != nullptr) munmap(shared_, sizeof(Shared));
}

bool Worker::poll() {
  if (status_ || pid_ <= 0) return true;
  int raw = 0;
  const pid_t ended = waitpid(pid_, &raw, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
  if (ended < 0) {
    status_ = 1;  // somebody else took it
  } else {
    status_ = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
  }
  close_files();
  return true;
}

void Worker::signal(int number) {
  if (pid_ > 0 && !status_) kill(pid_, number);
}

void Worker::close_files() {
  for (size_t which = 0; which < kTexts; ++which) {
    struct stat info {};
    if (fstat(files_[which].number(), &info) == 0 && info.st_size > 0) {
      const auto size = static_cast<size_t>(info.st_size);
      void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, files_[which].number(), 0);
      if (bytes != MAP_FAILED) {
        mapped_[which] = {static_cast<const char*>(bytes), size};
      } else if (status_ == 0) {
        status_ = 1;  // what it says cannot be read: its part is missing
      }
    }
    files_[which].close();
  }
  pidfd_.close();
}

bool Worker::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(files_[kResult].number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace oc::session
