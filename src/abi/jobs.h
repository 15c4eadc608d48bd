#pragma once
/* Workers: processes of oc's own, forked where a script runs its trace, each of which analyses a part. A
 * worker has all that the script had; what it prints and its results go to files without names, which the
 * first process reads when it has ended. See docs/design/jobs.md. */

typedef struct oc_worker oc_worker;

/* Forks: the new process gets a NULL, and *is_worker is 1. Otherwise a worker; or NULL and *is_worker 0,
 * where oc_workers_problem tells why. Main thread only. of_bytes: how much it is to read. */
oc_worker* oc_worker_start(struct oc_host* host, double of_bytes, int* is_worker);
/* Why the last start failed; static. */
const char* oc_workers_problem(void);
/* How much all parts are to read, for the progress bar; 0: there are no workers any more. */
void oc_workers_begin(struct oc_host* host, double of_bytes);
/* Waits at most wait_ms for one of them to end: which one, or -1. */
int oc_workers_wait(oc_worker* const* workers, uint32_t count, double wait_ms);
/* Sends it a signal, unless it has ended. */
void oc_worker_signal(oc_worker* worker, int number);
/* Its exit status, or 128 + the signal that ended it; -1 while it runs. */
int oc_worker_status(oc_worker* worker);
/* What it wrote: 0 its results, 1 stdout, 2 stderr. Owned by the worker, NULL where nothing. */
const char* oc_worker_text(oc_worker* worker, uint32_t which, size_t* size_bytes);
/* Ends it, if it has not; frees what it wrote. */
void oc_worker_close(oc_worker* worker);

/* In a worker: appends to its results. 0, or -1 when they cannot be written. */
int oc_worker_write(struct oc_host* host, const char* bytes, size_t size_bytes);
/* In a worker: writes out what is buffered and ends it, without closing anything. */
void oc_worker_leave(struct oc_host* host, int status);
