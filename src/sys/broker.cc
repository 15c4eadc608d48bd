#include "sys/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "sys/broker_message.h"

namespace oc::sys {

namespace {

// Rights belong to the whole process, and so does who has them instead.
std::unique_ptr<Broker>& slot() {
  static std::unique_ptr<Broker> broker;
  return broker;
}

/// After fork, only system calls: the other end becomes descriptor 3, which exec keeps. Forked twice: never a zombie.
[[noreturn]] void become_broker(int socket, char* const* words) {
  constexpr int kSocket = 3;
  if (fork() != 0) _exit(0);
  if (socket == kSocket) {
    fcntl(kSocket, F_SETFD, 0);
  } else if (dup2(socket, kSocket) < 0) {
    _exit(1);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv("/proc/self/exe", words);
  _exit(1);
}

}  // namespace

Broker::Broker(base::Fd socket, pid_t pid)
    : socket_(std::move(socket)), pid_(pid), permissions_(load_permissions()) {
  getrlimit(RLIMIT_MEMLOCK, &memlock_before_);
}

base::Result<std::unique_ptr<Broker>> Broker::start() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return base::system_error(errno, "cannot make a socket for the process that keeps its rights");
  base::Fd ours(pair[0]);
  base::Fd theirs(pair[1]);
  char name[] = "oc";
  char verb[] = "--broker";
  char number[] = "3";
  char* const words[] = {name, verb, number, nullptr};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = fork();
  if (child == 0) become_broker(theirs.number(), words);
  const int failure = errno;
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0)
    return base::system_error(failure, "cannot start the process that keeps its rights");
  theirs.close();
  int32_t pid = 0;
  int fds[2];
  size_t count = 0;
  if (take_message(ours.number(), &pid, sizeof pid, fds, count) != sizeof pid)
    return base::make_error(base::Code::kSystem, "the process that keeps its rights did not start",
                            "it is started from /proc/self/exe: is /proc mounted?");
  return std::unique_ptr<Broker>(new Broker(std::move(ours), pid));
}

int Broker::ask(const BrokerRequest& request, const int* fds, size_t count) {
  const std::lock_guard lock(mutex_);
  if (!send_message(socket_.number(), &request, sizeof request, fds, count)) return -EPIPE;
  int32_t answer = -EPIPE;
  int got[2] = {-1, -1};
  size_t got_count = 0;
  const long size = take_message(socket_.number(), &answer, sizeof answer, got, got_count);
  if (size != sizeof answer) return -EPIPE;
  if (answer < 0) return answer;
  return got_count == 1 ? got[0] : -EMFILE;  // no room for it here
}

int Broker::open_event(const perf_event_attr& attr, pid_t pid, int32_t cpu, int group,
                       uint64_t flags) {
  BrokerRequest request;
  request.attr = attr;
  request.cpu = cpu;
  request.flags = flags;
  int fds[2];
  size_t count = 0;
  if (group >= 0) {
    request.has_group = 1;
    fds[count++] = group;
  }
  if ((flags & PERF_FLAG_PID_CGROUP) != 0) {
    fds[count++] = pid;
  } else {
    request.pid = pid != 0 ? pid : static_cast<pid_t>(syscall(SYS_gettid));
  }
  return ask(request, fds, count);
}

int Broker::open_file(const std::string& path) {
  BrokerRequest request;
  request.what = BrokerRequest::What::kFile;
  if (path.size() >= BrokerRequest::kMostPath) return -ENAMETOOLONG;
  std::memcpy(request.path, path.data(), path.size());
  return ask(request, nullptr, 0);
}

Broker* Broker::active() { return slot().get(); }

void Broker::set_active(std::unique_ptr<Broker> broker) { slot() = std::move(broker); }

base::Fd open_system_file(const std::string& path, int more_flags) {
  Broker* broker = Broker::active();
  // Whoever opens kallsyms decides whether its addresses are shown, not whoever reads it.
  const bool is_better_asked = broker != nullptr && path == "/proc/kallsyms";
  if (!is_better_asked) {
    base::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | more_flags));
    if (fd || broker == nullptr || (errno != EACCES && errno != EPERM)) return fd;
  }
  const int refused = errno;
  const int fd = broker->open_file(path);
  if (fd < 0) {
    if (is_better_asked) return base::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | more_flags));
    errno = refused;
  }
  return base::Fd(fd < 0 ? -1 : fd);
}

}  // namespace oc::sys
