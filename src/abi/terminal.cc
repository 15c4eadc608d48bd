#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

extern "C" {
#include "abi/terminal.h"
}

namespace {

// What the terminal was like before; one for the program, as its standard input is.
termios g_before{};
bool g_is_raw = false;

void restore() { oc_terminal_raw(0); }

}  // namespace

extern "C" {

int oc_terminal_size(int fd, oc_terminal* out) {
  *out = {};
  if (isatty(fd) == 0) return 0;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0) *out = {size.ws_col, size.ws_row};
  return 1;
}

int oc_terminal_raw(int on) {
  const bool is_ours = isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp();
  if (!is_ours) return 0;
  if (on == 0) {
    if (g_is_raw) tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
    g_is_raw = false;
    return 1;
  }
  if (g_is_raw) return 1;
  if (tcgetattr(STDIN_FILENO, &g_before) != 0) return 0;
  static const bool is_registered = std::atexit(restore) == 0;
  static_cast<void>(is_registered);
  termios raw = g_before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  g_is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  return g_is_raw ? 1 : 0;
}

int oc_terminal_key(double wait_ms) {
  pollfd ready{STDIN_FILENO, POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(std::clamp(wait_ms, 0.0, 1e6))) <= 0) return -1;
  uint8_t byte = 0;
  const ssize_t size = read(STDIN_FILENO, &byte, 1);
  if (size == 1) return byte;
  return size == 0 ? -2 : -1;
}

}  // extern "C"
