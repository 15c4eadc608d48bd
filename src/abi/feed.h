#pragma once
/* How a script makes events itself: a trace that Lua feeds (oc.source), and events of its own beside those
 * of any trace (proxies). Needs abi/session.h. Failures as there: -1, oc_session_error tells why. */

/* A record to be added to a fed trace. Texts and bytes are lent for the call. */
typedef struct oc_feed {
  uint32_t event; /* kind: that of a kernel record, or what oc_session_feed_kind returned */
  int32_t cpu, pid, tid;
  double time; /* ns since the session began */
  const char* comm;
  size_t comm_bytes;
  const uint8_t* payload; /* of a sample */
  size_t payload_bytes;
  uint64_t ip, addr, period; /* of a sample; mmap: addr */
  double lost;               /* lost: how many */
  int32_t lost_event;        /* lost: the kind, or -1 */
  int32_t ppid, ptid;        /* fork, exit */
  uint64_t len, pgoff;       /* mmap */
} oc_feed;

/* Makes the session one that is fed. `start_ns`: the beginning on the source's clock, above 0; `window_ns`:
 * how far out of order records may be, 0: within a round; `wall_ns`: wall clock at the beginning, or 0. */
int oc_session_feed_open(oc_session* session, const char* name, double start_ns, double window_ns,
                         double wall_ns);
/* Declares a kind of sample; before anything is resolved. flags: 1 has ip, 2 has addr. Its number. */
int oc_session_feed_kind(oc_session* session, const char* system, const char* name,
                         const oc_field* fields, uint32_t count, uint32_t flags);
int oc_session_feed_add(oc_session* session, const oc_feed* record);
/* The end of what one call of the script's function gave; is_end: nothing follows. */
void oc_session_feed_round(oc_session* session, int is_end);
/* Bytes that were added and have not been delivered. */
double oc_session_feed_pending(oc_session* session);

/* An event of the script's own beside those of the trace; its number, from 65536 on. */
int oc_session_proxy_kind(oc_session* session, const char* name, const oc_field* fields,
                          uint32_t count);

/* CLOCK_MONOTONIC, ns. */
double oc_now(void);
