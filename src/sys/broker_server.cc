// The process that keeps its rights: nothing of a script's runs here.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "sys/broker.h"
#include "sys/broker_message.h"
#include "sys/broker_rules.h"
#include "sys/files.h"
#include "sys/tracefs.h"

namespace oc::sys {

namespace {

/// Gives up what watching does not need: 38 is CAP_PERFMON.
void keep_few_capabilities() {
  constexpr unsigned kNeeded[] = {38, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
                                  CAP_SYSLOG};
  uint64_t mask = 0;
  for (const unsigned bit : kNeeded) mask |= uint64_t{1} << bit;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return;
  for (int i = 0; i < 2; ++i) {
    const auto part = static_cast<uint32_t>(mask >> (32 * i));
    sets[i].effective &= part;
    sets[i].permitted &= part;
    sets[i].inheritable = 0;
  }
  (void)syscall(SYS_capset, &header, sets);
}

std::vector<uint32_t> types_that_point() {
  std::vector<uint32_t> types;
  for (const char* unit : {"kprobe", "uprobe"}) {
    const std::string text =
        read_line(std::string("/sys/bus/event_source/devices/") + unit + "/type");
    if (!text.empty()) types.push_back(static_cast<uint32_t>(std::stoul(text)));
  }
  return types;
}

class Server {
 public:
  explicit Server(int socket) : socket_(socket), pointing_(types_that_point()) {
    if (auto found = find_tracefs()) tracing_ = *found;
  }

  /// False at the end.
  bool serve_one() {
    BrokerRequest request;
    int fds[2] = {-1, -1};
    size_t count = 0;
    const long size = take_message(socket_, &request, sizeof request, fds, count);
    if (size == 0 || size == -1) return false;
    int32_t answer = -EINVAL;
    if (size == sizeof request) {
      request.path[BrokerRequest::kMostPath - 1] = '\0';
      answer = request.what == BrokerRequest::What::kEvent  ? open_event(request, fds, count)
               : request.what == BrokerRequest::What::kFile ? open_file(request.path)
                                                            : -EINVAL;
    }
    for (size_t i = 0; i < count; ++i) close(fds[i]);
    const bool is_sent = send_message(socket_, &answer, sizeof answer, &answer, answer >= 0);
    if (answer >= 0) close(answer);
    return is_sent;
  }

 private:
  int open_event(BrokerRequest& request, const int* fds, size_t count) const {
    const bool is_cgroup = (request.flags & PERF_FLAG_PID_CGROUP) != 0;
    const size_t wanted = (request.has_group != 0 ? 1 : 0) + (is_cgroup ? 1 : 0);
    if (count != wanted || request.attr.size > sizeof request.attr) return -EINVAL;
    if (!is_cgroup && request.pid == 0) return -EINVAL;  // that would be this process
    if (!refusal_of_event(request.attr, request.flags, pointing_).empty()) return -EACCES;
    const int group = request.has_group != 0 ? fds[0] : -1;
    const int pid = is_cgroup ? fds[count - 1] : request.pid;
    const long fd = syscall(SYS_perf_event_open, &request.attr, pid, request.cpu, group,
                            request.flags | PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : static_cast<int>(fd);
  }

  int open_file(const char* path) const {
    if (!is_brokered_file(path, tracing_)) return -EACCES;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
  }

  int socket_;
  std::vector<uint32_t> pointing_;
  std::string tracing_;
};

}  // namespace

int serve_broker(int socket) {
  prctl(PR_SET_NAME, "oc-broker");
  setsid();
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
    signal(number, SIG_IGN);
  if (chdir("/") != 0) return 1;
  // Whoever reads oc's output must not wait for this process too.
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (nothing < 0 || dup2(nothing, fd) < 0) return 1;
  }
  struct stat info {};
  if (fstat(socket, &info) != 0 || !S_ISSOCK(info.st_mode)) return 1;
  keep_few_capabilities();
  Server server(socket);
  const int32_t self = getpid();
  if (!send_message(socket, &self, sizeof self, nullptr, 0)) return 1;
  while (server.serve_one()) {
  }
  return 0;
}

}  // namespace oc::sys
