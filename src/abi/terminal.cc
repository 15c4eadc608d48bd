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

int oc_terminal_is(int fd) { return isatty(fd) == 1 ? 1 : 0; }

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

void oc_terminal_size(uint32_t* columns, uint32_t* rows) {
  winsize size{};
  const bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  *columns = is_known && size.ws_col != 0 ? size.ws_col : 80;
  *rows = is_known && size.ws_row != 0 ? size.ws_row : 24;
}

}  // extern "C"
