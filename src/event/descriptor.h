#pragma once
/* One text, two readers: the C++ decoder fills these, LuaJIT's ffi.cdef reads the same lines. */

/* An event as a script sees it: where its bytes are, and what was true when it happened.
 * Lent: the bytes are the ring's page or the mapped file, until the batch is given back. */
typedef struct oc_event {
  const uint8_t* record;  /* the record's header, 8 bytes, then its fields */
  const uint8_t* payload; /* tracepoint data, or the body of a record that is not a sample */
  double time;            /* ns since the session began */
  uint32_t payload_size;  /* bytes */
  uint32_t event;         /* kind: the kernel's records first, then the trace's events */
  int32_t pid;            /* -1: unknown */
  int32_t tid;
  int32_t cpu;       /* -1: unknown */
  uint32_t comm;     /* string id of the thread's name as it was */
  uint32_t thread;   /* which life of the tid: dense from 1 */
  uint32_t stack;    /* stack id; 0: none was built */
  uint32_t frame;    /* frame id of the ip; 0: none was looked for */
  uint32_t reserved; /* bits: what of it is not of the target (session/other_thread.h);
                        of what a script emitted its place */
} oc_event;
