#include "perf/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "sys/broker.h"

namespace oc::perf {

namespace {

constexpr int kExecFailed = 127;  // as shells say it
constexpr int kPollMs = 5;        // between two looks where the kernel has no pidfd

base::Error cannot_run(const std::string& name, int number) {
  return base::system_error(number, "cannot run '" + name + "'");
}

/// 0 when `path` is a program that may be run, else an errno.
int check_program(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

/// What the child needs to exec, made before fork: after it nothing may allocate.
struct ExecPlan {
  std::string path;
  std::vector<char*> arguments;  // argv
  CommandPlace place;
  const rlimit* memlock = nullptr;     // as it was before oc raised it for its rings
  std::vector<char*> shell_arguments;  // /bin/sh path ...: for a script without #!, as execvp does

  ExecPlan(std::string program, const std::vector<std::string>& command)
      : path(std::move(program)) {
    shell_arguments = {const_cast<char*>("/bin/sh"), path.data()};
    for (const std::string& argument : command) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
      if (arguments.size() > 1) shell_arguments.push_back(arguments.back());
    }
    arguments.push_back(nullptr);
    shell_arguments.push_back(nullptr);
  }
  ExecPlan(const ExecPlan&) = delete;
};

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Only async-signal-safe calls. That the parent ends before this is seen by `go`.
void leave_terminal() {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0) return;
  dup2(nothing, STDIN_FILENO);
  if (nothing != STDIN_FILENO) close(nothing);
}

/// The child's life. Only async-signal-safe calls. `go_writer` is the parent's end: must not stay
/// open.
[[noreturn]] void wait_and_exec(const ExecPlan& plan, int go, int go_writer, int failed) {
  close(go_writer);
  reset_signals();
  if (plan.place.is_beside_prompt) leave_terminal();
  if (plan.memlock != nullptr) setrlimit(RLIMIT_MEMLOCK, plan.memlock);
  char byte = 0;
  ssize_t size = 0;
  do {
    size = read(go, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) _exit(kExecFailed);  // the parent has gone, or changed its mind
  if (plan.place.stdout_to_stderr) dup2(STDERR_FILENO, STDOUT_FILENO);
  execv(plan.path.c_str(), plan.arguments.data());
  if (errno == ENOEXEC) execv("/bin/sh", plan.shell_arguments.data());
  const int reason = errno;
  if (write(failed, &reason, sizeof reason) < 0) _exit(kExecFailed);
  _exit(kExecFailed);
}

/// A pipe that is a pair of sockets, close-on-exec: writing to it need not raise SIGPIPE.
bool make_pipe(base::Fd& reader, base::Fd& writer) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  reader = base::Fd(ends[0]);
  writer = base::Fd(ends[1]);
  return true;
}

base::Fd open_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
  return base::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
#else
  static_cast<void>(pid);
  return base::Fd();
#endif
}

}  // namespace

base::Result<std::string> find_program(const std::string& name) {
  if (name.empty()) return cannot_run(name, ENOENT);
  if (name.find('/') != std::string::npos) {
    const int failure = check_program(name);
    if (failure != 0) return cannot_run(name, failure);
    return name;
  }
  const char* variable = getenv("PATH");
  std::string_view folders = variable != nullptr ? variable : "/bin:/usr/bin";
  int reason = ENOENT;
  while (true) {
    const size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    const std::string path = (folder.empty() ? "." : std::string(folder)) + "/" + name;
    const int failure = check_program(path);
    if (failure == 0) return path;
    if (failure == EACCES) reason = EACCES;
    if (colon == std::string_view::npos) break;
    folders.remove_prefix(colon + 1);
  }
  return cannot_run(name, reason);
}

Launcher::Launcher(Launcher&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      name_(std::move(other.name_)),
      go_(std::move(other.go_)),
      failed_(std::move(other.failed_)),
      pidfd_(std::move(other.pidfd_)),
      is_released_(other.is_released_),
      has_group_(other.has_group_),
      status_(other.status_) {}

Launcher::~Launcher() {
  if (!is_running() || is_released_) return;
  go_.close();  // the child reads EOF and ends
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

base::Result<Launcher> Launcher::prepare(const std::vector<std::string>& command,
                                         CommandPlace place) {
  auto program = find_program(command.front());
  if (!program) return program.error();
  ExecPlan plan(std::move(*program), command);
  plan.place = place;
  if (const sys::Broker* broker = sys::Broker::active()) plan.memlock = &broker->memlock_before();
  Launcher launcher;
  launcher.name_ = command.front();
  base::Fd go;
  base::Fd failed;
  if (!make_pipe(go, launcher.go_) || !make_pipe(launcher.failed_, failed)) {
    return cannot_run(launcher.name_, errno);
  }
  // No signal between fork and reset_signals: our handler must not run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) wait_and_exec(plan, go.number(), launcher.go_.number(), failed.number());
  const int failure = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return cannot_run(launcher.name_, failure);
  launcher.pid_ = pid;
  launcher.has_group_ = place.is_beside_prompt;
  launcher.pidfd_ = open_pidfd(pid);
  return launcher;
}

base::Status Launcher::release() {
  is_released_ = true;
  const char byte = 1;
  if (send(go_.number(), &byte, 1, MSG_NOSIGNAL) != 1) return cannot_run(name_, errno);
  go_.close();
  int reason = 0;
  ssize_t size = 0;
  do {
    size = read(failed_.number(), &reason, sizeof reason);
  } while (size < 0 && errno == EINTR);
  failed_.close();
  if (size != sizeof reason) return {};
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = status;
  return cannot_run(name_, reason);
}

void Launcher::poll() {
  if (!is_running()) return;
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == pid_) status_ = status;
  if (ended < 0 && errno == ECHILD) status_ = 0;  // somebody else took it (SIGCHLD ignored)
}

bool Launcher::terminate() {
  poll();  // afterwards the pid is surely ours: not yet waited for
  return is_running() && is_released_ && kill(has_group_ ? -pid_ : pid_, SIGTERM) == 0;
}

bool Launcher::await(std::chrono::milliseconds longest) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + longest;
  for (poll(); is_running(); poll()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ended{pidfd_.number(), POLLIN, 0};  // a negative number only sleeps
    const auto wait = pidfd_ ? left : std::min<decltype(left)>(left, kPollMs);
    ::poll(&ended, 1, static_cast<int>(wait));
  }
  return true;
}

}  // namespace oc::perf
