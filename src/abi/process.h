#pragma once

/* What is asked of a process beside its name; lent until the next such call on the session. */
typedef struct oc_process {
  const char* cgroup;    /* path; "" when not known */
  const char* container; /* "" outside of a container */
  int32_t ns_pid;        /* its id in its own pid namespace; 0: not known */
} oc_process;

/* As /proc tells now: 1, or 0 when the process has gone. */
int oc_session_process(oc_session* session, int32_t pid, oc_process* out);
/* Of the cgroup that a sample names: 1, or 0 when nobody told its path. */
int oc_session_cgroup(oc_session* session, uint64_t id, oc_process* out);
/* Live samples carry the cgroup of their moment; before events are resolved. */
void oc_session_sample_cgroups(oc_session* session);
