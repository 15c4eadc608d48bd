#pragma once

/* This process becomes user `name` ("sudo": whoever called sudo), without capabilities; another one, that runs
 * no script, keeps the rights and opens events for it. 0, or -1 with the error in `out`; texts are lent until the
 * next call. `who` says what was done; "" when there was nothing to give up. */
int oc_privileges_drop(const char* name, oc_error* out, const char** who);
/* CLOCK_MONOTONIC, ns, for measuring; costs some 20 ns. */
double oc_clock_ns(void);
