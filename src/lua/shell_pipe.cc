#include "lua/shell_pipe.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

extern char** environ;

namespace oc::lua {

namespace {

/// Starts `sh -c command` with `input` as its standard input; 0 or what went wrong.
int start_shell(const std::string& command, int input, pid_t* child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGPIPE, SIGQUIT, SIGTSTP}) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string shell = "sh", option = "-c", text = command;
  char* words[] = {shell.data(), option.data(), text.data(), nullptr};
  const int failure = posix_spawn(child, "/bin/sh", &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

}  // namespace

base::Status ShellPipe::begin(const std::string& command) {
  end();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::system_error(errno, "cannot make a pipe");
  const base::Fd reading(ends[0]), writing(ends[1]);
  std::fflush(stdout);
  base::Fd before(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!before) return base::system_error(errno, "cannot keep standard output");
  if (const int failure = start_shell(command, reading.number(), &child_); failure != 0) {
    child_ = -1;
    return base::system_error(failure, "cannot run /bin/sh");
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  dup2(writing.number(), STDOUT_FILENO);
  stdout_before_ = std::move(before);
  return {};
}

int ShellPipe::end() {
  if (child_ < 0) return 0;
  std::fflush(stdout);
  dup2(stdout_before_.number(), STDOUT_FILENO);  // the pipe's writing end is closed by that
  stdout_before_.close();
  std::clearerr(stdout);  // the command may have gone before it had all
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace oc::lua
