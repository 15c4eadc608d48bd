#include "perf/guardian.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace oc::perf {

namespace {

constexpr int kSocket = 0;          // the guardian's only descriptor
constexpr int kFirstReceived = 1;   // the kernel gives the lowest free numbers
constexpr long kOthersClose = 100;  // ms
constexpr char kKeep = 'k';
constexpr char kRelease = 'r';
constexpr char kReleaseSome = 's';
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * Guardian::kBatch);

void sleep_ms(long ms) {
  const timespec time{ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, nullptr);
}

/// Makes `socket` descriptor 0 and closes every other one.
void keep_only(int socket) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (socket != kSocket) dup2(socket, kSocket);
#ifdef SYS_close_range
  const bool done = syscall(SYS_close_range, kFirstReceived, ~0u, 0) == 0;
#else
  const bool done = false;
#endif
  for (rlim_t fd = kFirstReceived; !done && fd < files.rlim_cur; ++fd) close(static_cast<int>(fd));
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

struct Message {
  char what = 0;
  int count = 0;  ///< of numbers
  int numbers[Guardian::kBatch] = {};
};

/// Takes one message; its letter, or 0 at EOF. The descriptors are simply held.
char receive(Message& got, int& highest) {
  alignas(cmsghdr) char control[kControlBytes];
  iovec data{&got, sizeof got};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  while (true) {
    const ssize_t size = recvmsg(kSocket, &message, 0);
    if (size == 0 || (size < 0 && errno != EINTR)) return 0;
    if (size < 0) continue;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd = 0;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
        highest = std::max(highest, fd);
      }
    }
    return got.what;
  }
}

/// Closes what was received; a child that has it too pays for it, after we have closed ours.
void release_all(int& highest) {
  const pid_t child = fork();  // not waited for: SIGCHLD is ignored
  if (child == 0) {
    close(kSocket);
    sleep_ms(kOthersClose);
    _exit(0);
  }
  for (int fd = kFirstReceived; fd <= highest; ++fd) close(fd);
  highest = kSocket;
}

/// The same of some: the child lets go of the others at once.
void release_some(const Message& message, int highest) {
  const int count = std::clamp(message.count, 0, static_cast<int>(Guardian::kBatch));
  const int* const end = message.numbers + count;
  const pid_t child = fork();
  if (child == 0) {
    close(kSocket);
    for (int fd = kFirstReceived; fd <= highest; ++fd) {
      if (std::find(message.numbers, end, fd) == end) close(fd);
    }
    sleep_ms(kOthersClose);
    _exit(0);
  }
  for (const int* number = message.numbers; number != end; ++number) {
    if (*number >= kFirstReceived) close(*number);
  }
}

/// The guardian's life, after fork. Only async-signal-safe calls.
[[noreturn]] void guard(int socket) {
  setsid();
  prctl(PR_SET_NAME, "oc-guardian");
  prctl(PR_SET_PDEATHSIG, 0);
  if (chdir("/") != 0) _exit(1);  // keep no file system busy
  keep_only(socket);
  const pid_t self = getpid();
  if (::send(kSocket, &self, sizeof self, MSG_NOSIGNAL) != sizeof self) _exit(1);
  signal(SIGCHLD, SIG_IGN);
  static Message message;  // not on a stack that may be small
  int highest = kSocket;
  while (const char what = receive(message, highest)) {
    if (what == kRelease) release_all(highest);
    if (what == kReleaseSome) release_some(message, highest);
  }
  // After kill -9 the events still run: stop them, so that the traced system is free at once.
  for (int fd = kFirstReceived; fd <= highest; ++fd) ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  // Whoever closes last pays. The socket may be closed before the events when a process dies.
  sleep_ms(kOthersClose);
  _exit(0);
}

}  // namespace

base::Result<Guardian> Guardian::start() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return base::system_error(errno, "cannot make a socket for the guardian process");
  }
  base::Fd ours(pair[0]);
  base::Fd theirs(pair[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // stays so in the guardian
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) guard(theirs.number());
    _exit(0);
  }
  const int failure = errno;
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return base::system_error(failure, "cannot fork the guardian process");
  theirs.close();
  pid_t pid = 0;
  ssize_t size = 0;
  do {
    size = recv(ours.number(), &pid, sizeof pid, 0);
  } while (size < 0 && errno == EINTR);
  if (size != sizeof pid) {
    return base::make_error(base::Code::kSystem, "the guardian process did not start");
  }
  return Guardian(std::move(ours), pid);
}

base::Status Guardian::keep(std::span<const int> fds) {
  while (socket_ && !fds.empty()) {
    const auto batch = fds.first(std::min(fds.size(), kBatch));
    if (auto status = send(kKeep, batch); !status) return status;
    for (const int fd : batch) numbers_[fd] = next_number();
    fds = fds.subspan(batch.size());
  }
  return {};
}

int Guardian::next_number() {
  if (free_.empty()) return first_unused_++;
  return free_.extract(free_.begin()).value();
}

base::Status Guardian::release() {
  numbers_.clear();
  free_.clear();
  first_unused_ = kFirstReceived;
  return socket_ ? send(kRelease, {}) : base::Status();
}

base::Status Guardian::release(std::span<const int> fds) {
  while (socket_ && !fds.empty()) {
    const auto batch = fds.first(std::min(fds.size(), kBatch));
    std::vector<int> numbers;
    for (const int fd : batch) {
      const auto found = numbers_.find(fd);
      if (found == numbers_.end()) continue;
      numbers.push_back(found->second);
      free_.insert(found->second);
      numbers_.erase(found);
    }
    if (auto status = send(kReleaseSome, {}, numbers); !status) return status;
    fds = fds.subspan(batch.size());
  }
  return {};
}

base::Status Guardian::send(char what, std::span<const int> fds, std::span<const int> numbers) {
  alignas(cmsghdr) char control[kControlBytes] = {};
  Message body;
  body.what = what;
  body.count = static_cast<int>(numbers.size());
  std::copy(numbers.begin(), numbers.end(), body.numbers);
  iovec data{&body, offsetof(Message, numbers) + numbers.size_bytes()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  while (sendmsg(socket_.number(), &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno != ETOOMANYREFS)
      return base::system_error(errno, "the guardian process does not answer");
    sleep_ms(1);  // as many are on their way as we may open: let it catch up
  }
  return {};
}

}  // namespace oc::perf
