#pragma once
/* The C face of a terminal that is watched rather than read by lines: keys at once, its size. */

/* True when this descriptor is a terminal. */
int oc_terminal_is(int fd);
/* Keys of standard input come one by one and are not echoed (1), or as before (0); Ctrl-C still signals. Returns 0
 * where it is no terminal, or not ours to change. Undone when the program exits. */
int oc_terminal_raw(int on);
/* The next byte typed; -1 when none came in time, -2 at the end of standard input. A signal ends the wait. */
int oc_terminal_key(double wait_ms);
/* Cells of standard output now; 80 by 24 where nobody knows. */
void oc_terminal_size(uint32_t* columns, uint32_t* rows);
