#pragma once
/* The C face of what changes while a run goes on, and of a live run that its script feeds itself. */

typedef struct oc_session oc_session;

/* CLOCK_MONOTONIC, ns. */
double oc_now_ns(void);

/* What a spool holds; zeros where there is none. */
typedef struct oc_spool {
  double used_bytes, most_used_bytes, limit_bytes;
  double times_full; /* that the rings had to wait for it */
} oc_spool;

/* Between start and finish: asks for the events of this kind. Of a trace that is not live only those that were wanted
 * at the start can be. */
int oc_session_add(oc_session* session, uint32_t kind);
/* Nobody asks for them any more: live, the kernel's events are closed. */
void oc_session_remove(oc_session* session, uint32_t kind);
/* What the kernel shall let through of a kind from now on ("": everything). No event is missing or comes twice, if
 * oc_session_finish_kernel_filters is called behind the last change. */
int oc_session_change_kernel_filter(oc_session* session, uint32_t kind, const char* text);
void oc_session_finish_kernel_filters(oc_session* session);
/* How often the kernel saw events of this kind since the start, those that were lost too; 0 of a recorded trace. */
double oc_session_counted(oc_session* session, uint32_t kind);
/* The batch at hand is to end before event `at`, with what follows left for oc_session_reopen_batch. */
void oc_session_cut_batch(oc_session* session, uint32_t at);
/* Before the start: signals do not end the run, which belongs to somebody who types. */
void oc_session_set_interactive(oc_session* session);
void oc_session_spool(oc_session* session, oc_spool* out);
/* A descriptor that is readable while a spool holds something to deliver; -1 without a spool. */
int oc_session_ready_fd(oc_session* session);
