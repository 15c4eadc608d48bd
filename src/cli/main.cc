#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "abi/host.h"
#include "abi/script_limits.h"
#include "lua/state.h"
#include "lua/watch.h"

namespace {

constexpr int kFailed = 1;

/// The first argument chooses the verb; a file stands for itself (`oc trace.data`, `oc my.lua`).
struct Call {
  std::string verb;
  std::vector<std::string> arguments;
};

Call read_call(int argc, char** argv) {
  Call call;
  call.verb = argc > 1 ? argv[1] : "help";
  for (int i = 2; i < argc; ++i) call.arguments.emplace_back(argv[i]);
  return call;
}

int run(const Call& call) {
  oc_host host;
  oc::lua::State state(host);
  const oc::lua::Watch watch(host, state.raw());
  auto status = state.run(call.verb, call.arguments);
  if (status) return *status;
  std::fprintf(stderr, "oc: %s\n    %s\n", status.error().what.c_str(),
               status.error().hint.c_str());
  return kFailed;
}

/// A closed stdin, stdout or stderr would be the number of the next file that is opened, and results
/// would be written into that. What stands in for it refuses reads or writes, as a closed one does.
void fill_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) _exit(kFailed);
  }
}

/// "oc --broker 3", as sys/broker.h starts it: before anything of a user's is read.
bool is_broker(int argc, char** argv) {
  return argc == 3 && std::string_view(argv[1]) == "--broker" && std::string_view(argv[2]) == "3";
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  try {
    if (is_broker(argc, argv)) return oc::abi::serve_broker(3);
    const int status = run(read_call(argc, argv));
    // Results that could not be written are a failure: a full disk, a closed pipe.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      std::fprintf(stderr, "oc: cannot write the results: %s\n", std::strerror(errno));
      return status == 0 ? kFailed : status;
    }
    return status;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "oc: %s\n", problem.what());
    return kFailed;
  }
}
