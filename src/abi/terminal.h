#pragma once

/* The size of a terminal in cells; 0 where it does not tell. */
typedef struct oc_terminal {
  int32_t columns, rows;
} oc_terminal;

/* Asks the terminal behind a descriptor: 1, or 0 when it is none. */
int oc_terminal_size(int fd, oc_terminal* out);

/* Keys of standard input come one by one and are not echoed (1), or as before (0); Ctrl-C still signals. Returns 0
 * where it is no terminal, or not ours to change. Undone when the program exits. */
int oc_terminal_raw(int on);
/* The next byte typed; -1 when none came in time, -2 at the end of standard input. A signal ends the wait. */
int oc_terminal_key(double wait_ms);
