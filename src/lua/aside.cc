#include "lua/aside.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace oc::lua {

namespace {

/// In the editor's mode Ctrl-C is a key, which nobody reads while a callback runs.
bool make_interruptible(termios& before) {
  if (tcgetattr(STDIN_FILENO, &before) != 0) return false;
  termios now = before;
  now.c_lflag |= ISIG;
  now.c_cc[VSUSP] = now.c_cc[VQUIT] = _POSIX_VDISABLE;
  return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

std::string read_all(int fd) {
  std::string text;
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size <= 0) return text;
  text.resize(static_cast<size_t>(size));
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

}  // namespace

std::atomic<int> Aside::error_output_{STDERR_FILENO};

void Aside::give_terminal_back() {
  termios now{};
  if (error_output() == STDERR_FILENO || tcgetattr(STDIN_FILENO, &now) != 0) return;
  now.c_iflag |= ICRNL;
  now.c_oflag |= OPOST | ONLCR;
  now.c_lflag |= ICANON | ECHO | ISIG | IEXTEN;
  tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

bool Aside::begin() {
  end();
  if (!kept_) kept_ = base::Fd(memfd_create("oc-aside", MFD_CLOEXEC));
  if (!kept_) return false;
  std::fflush(stdout);
  std::fflush(stderr);
  base::Fd out(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  base::Fd err(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!out || !err) return false;
  stdout_before_ = std::move(out);
  stderr_before_ = std::move(err);
  error_output_ = stderr_before_.number();
  dup2(kept_.number(), STDOUT_FILENO);
  dup2(kept_.number(), STDERR_FILENO);
  has_terminal_ = make_interruptible(terminal_before_);
  is_open_ = true;
  return true;
}

std::string Aside::end() {
  if (!is_open_) return {};
  is_open_ = false;
  std::fflush(stdout);
  std::fflush(stderr);
  dup2(stdout_before_.number(), STDOUT_FILENO);
  dup2(stderr_before_.number(), STDERR_FILENO);
  error_output_ = STDERR_FILENO;
  stdout_before_.close();
  stderr_before_.close();
  if (has_terminal_) tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before_);
  std::string text = read_all(kept_.number());
  if (!text.empty() &&
      (ftruncate(kept_.number(), 0) != 0 || lseek(kept_.number(), 0, SEEK_SET) != 0))
    kept_.close();  // a fresh one next time
  return text;
}

}  // namespace oc::lua
