#pragma once

/* The size of a terminal in cells; 0 where it does not tell. */
typedef struct oc_terminal {
  int32_t columns, rows;
} oc_terminal;

/* Asks the terminal behind a descriptor: 1, or 0 when it is none. */
int oc_terminal_size(int fd, oc_terminal* out);
