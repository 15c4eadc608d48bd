#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>

extern "C" {
#include "abi/terminal.h"

int oc_terminal_size(int fd, oc_terminal* out) {
  *out = {};
  if (isatty(fd) == 0) return 0;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0) *out = {size.ws_col, size.ws_row};
  return 1;
}
}  // extern "C"
