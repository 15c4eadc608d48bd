#pragma once
/* The C face of a run: what Lua's trace object is made of. Strings that functions return are owned by the
 * session unless said otherwise. Functions that can fail return -1 (or NULL); oc_session_error tells why. */

typedef struct oc_host oc_host;
typedef struct oc_session oc_session;

/* Why a call failed; lent until the next failing call on the same session. */
typedef struct oc_error {
  int32_t code;     /* 0 invalid, 1 not found, 2 permission, 3 system, 4 unsupported, 5 usage */
  const char* what; /* a sentence */
  const char* hint; /* what to do; "" when there is nothing */
} oc_error;

/* A kind of event: a kernel record (number below 24) or an event that samples come from. */
typedef struct oc_kind {
  const char* name;
  int32_t is_sample;    /* 0: a kernel record */
  int32_t is_live;      /* of this machine now; 0: of a recorded trace */
  uint32_t type;        /* perf_event_attr.type of a sample */
  uint64_t config;      /* perf_event_attr.config */
  uint64_t sample_type; /* PERF_SAMPLE_* bits: which common fields there are */
  uint32_t fields;      /* number of payload fields */
  int32_t has_stacks;   /* the run builds stacks of its samples */
  int32_t has_places;   /* or at least finds where they were taken */
  /* What the varying part of a sample holds, as in perf_event_attr. */
  uint64_t read_format, branch_sample_type, regs_user, regs_intr;
  /* Offsets of fixed fields from the record's start; 0xffff: absent. */
  uint16_t ip, addr, id, stream_id, period;
} oc_kind;

/* A payload field; kinds as in event/event_format.h. */
typedef struct oc_field {
  const char* name;
  const char* type;
  uint32_t kind;
  uint32_t offset;
  uint32_t size;
  uint32_t element_size;
  uint32_t count;
  uint8_t is_signed;
  uint8_t is_relative;
  uint8_t is_hex;
  uint8_t is_common;
} oc_field;

/* The script's place in the batch: written by the generated loop, read by the watch when it must say
 * where a script hangs. */
typedef struct oc_loop {
  const oc_event* events;
  volatile uint32_t
      count;         /* the loop runs while at < count; stopping sets it to 0, from any thread */
  uint32_t at;       /* the event being handled */
  uint32_t callback; /* which of its callbacks, from 1 */
  uint32_t turns;    /* batches begun */
  double deadline;   /* of the next timer, ns since the session began */
  double until_ns;   /* everything before this time has been delivered */
  double left;     /* the loop ends when so many more events reached a callback; where it counts */
  double filtered; /* events that no callback's filter let through */
  double begin_ns; /* of the part of the trace that was asked for; timers count from it */
  int32_t is_last;
} oc_loop;

/* Numbers of a run so far; counts are exact to 2^53. */
typedef struct oc_stats {
  double records, bytes, delivered, filtered, late, malformed, unknown, own, lost;
  double start_ns;  /* absolute time of the session's beginning, ns of the trace's clock */
  double span_ns;   /* from the beginning (of what was asked for) to the newest record */
  double wall_ns;   /* wall clock at the beginning, ns since 1970; 0: not known */
  double cpu_ns;    /* CPU time that this program used since the run began */
  double throttled; /* times that the kernel held sampling back for the rest of a tick */
  double delivered_to_batches; /* events, whether or not callbacks saw them */
  double run_ns;               /* how long the run took so far, by the wall clock */
  double cpus;                 /* of this machine */
  double rate; /* of the asked sampling rate; below 1 where max_overhead lowered it */
} oc_stats;

/* Losses of one CPU (cpu -1: not known) or, when `event` is not NULL, of one event. */
typedef struct oc_loss {
  int32_t cpu;
  const char* event;
  double records;
} oc_loss;

/* One end of a stretch of time: `of` 0 none, 1 ns since the beginning, 2 ns before the last sample, 3 ns of
 * the trace's clock, 4 millionths of a percent of the time from the first sample to the last, 5 the ns before
 * that. */
typedef struct oc_time {
  uint32_t of;
  uint64_t value;
} oc_time;

/* How to run; zero means unlimited, or the default. */
typedef struct oc_run {
  double max_events;
  double max_span_ns;
  oc_time from, to; /* recorded only */
  int32_t is_slice; /* `from` to `to` is one of several that cover the trace */
  double buffer_bytes;
  const char* const* command; /* NULL-terminated; NULL: the whole system */
  double max_overhead;        /* own CPU time as a share of the machine's, 0 to 1; 0: no limit */
  int32_t is_paused;          /* begin paused */
  double spool_bytes; /* live: a thread empties the rings into so much memory; 0: none does */
} oc_run;

/* How samples are taken and what they carry, live; zeros: the defaults. */
typedef struct oc_sampling {
  double period;   /* each so many events, where the event does not say it; 0: its own default */
  uint32_t stacks; /* 0 none, 1 by frame pointers, 2 registers and the user's stack (DWARF) */
  uint32_t stack_size; /* bytes of the user's stack */
  uint32_t max_stack;  /* frames */
  uint64_t parts;      /* PERF_SAMPLE_* bits of what else samples carry */
} oc_sampling;

/* "0.1.0"; static. */
const char* oc_version(void);
/* What the script is doing now: 0 nothing, 1 its body or an end hook, 2 callbacks. Returns what it was. */
uint32_t oc_host_doing(oc_host* host, uint32_t doing);
/* How long a callback may run before the watchdog ends it, ns; 0: for ever. */
void oc_host_timeout(oc_host* host, double timeout_ns);
/* Lines are typed from now on: SIGINT ends what the line at hand does, not the program. 1: also a run, which is
 * the line's. 2: not the run, which goes on behind it. 0: no longer. Returns what it was. */
int oc_host_interactive(oc_host* host, int interactive);
/* As if SIGINT came. */
void oc_host_interrupt(void);
/* The process that oc is. */
int oc_host_pid(void);
/* What signals asked of the line before is forgotten. Returns SIGTERM or SIGHUP when the session is to end,
 * otherwise 0. */
int oc_host_begin_line(oc_host* host);
/* 0 when nothing asked the script to end, otherwise the signal's number, or -1 for the watchdog. */
int oc_host_interrupted(oc_host* host);

oc_session* oc_session_new(oc_host* host);
void oc_session_close(oc_session* session);
const oc_error* oc_session_error(oc_session* session);

/* A recorded trace. Everything else then describes that trace. */
int oc_session_open_file(oc_session* session, const char* path);
/* Facts of the recorded trace, or of this machine when live: "host", "kernel", "arch", "cpu", "cpus_online",
 * "cpus_available", "memory_bytes", "recorder", "command", "path", "span_ns" (from the first sample to the
 * last); "" when not known. */
const char* oc_session_fact(oc_session* session, const char* name);

/* Before the first oc_session_resolve. */
void oc_session_sampling(oc_session* session, const oc_sampling* sampling);
/* Adds to whom the run traces: kind "pid", "tid", "comm", "cgroup", "container", "cpu" with a list by
 * commas, or "all". "here": the kernel gives the events of everybody, and of them those of the target are
 * chosen while decoding. */
int oc_session_target(oc_session* session, const char* kind, const char* text);
/* Whether these go together, and with a command or a recorded trace. */
int oc_session_check_target(oc_session* session, int has_command);

/* Finds the kinds that `name` (a glob, a list as perf takes it) means; live ones are requested from the
 * kernel when the run starts. frequency_hz is of clocks and hardware events. flags: 1 sample addresses,
 * 2 leave out with a note what the kernel refuses. Returns how many, at most `capacity`
 * of them in `kinds`. */
int oc_session_resolve(oc_session* session, const char* name, double frequency_hz, double period,
                       uint32_t flags, uint32_t* kinds, uint32_t capacity);
/* True when the trace has (or a live run can ask for) SWITCH records. */
int oc_session_has_switch_records(oc_session* session);
uint32_t oc_session_kind_count(oc_session* session);
int oc_session_kind(oc_session* session, uint32_t kind, oc_kind* out);
int oc_session_field(oc_session* session, uint32_t kind, uint32_t index, oc_field* out);

/* Asks for events of this kind; before oc_session_start. */
void oc_session_want(oc_session* session, uint32_t kind);
/* And of these also what the target leaves out, marked in oc_event.reserved; before oc_session_start. */
void oc_session_want_of_everyone(oc_session* session, uint32_t kind);
int oc_session_start(oc_session* session, const oc_run* run);
/* Fills the loop with the next batch, waiting at most wait_ms for one; gives the one before back.
 * Returns 1, or 0 when the run is over. */
int oc_session_next(oc_session* session, double wait_ms);
oc_loop* oc_session_loop(oc_session* session);
/* Asks for the end: what is decoded already (recorded) or in the rings (live) still comes. Any thread. */
void oc_session_stop(oc_session* session);
/* Live: stops the kernel's events but for names and threads (1), or lets them go on (0). */
int oc_session_set_paused(oc_session* session, int is_paused);
int oc_session_is_paused(oc_session* session);
/* The batch at hand was left before its end: the loop may go on in it, unless the run was ended. */
void oc_session_reopen_batch(oc_session* session);
/* How many events of the batch at hand lie behind the one that loop.at names. */
uint32_t oc_session_events_behind(oc_session* session);
/* After the last batch: closes what the run held open, completes the losses. */
int oc_session_finish(oc_session* session);
/* After the end hooks: waits a moment for a command that was told to end; until here a signal does not
 * cut off what hooks print. */
void oc_session_end(oc_session* session);

/* Text of a string id (oc_event.comm): sets *size_bytes; valid as long as the session. */
const char* oc_session_text(oc_session* session, uint32_t id, size_t* size_bytes);
/* "name=value ..." of an event's payload; lent until the next call. */
const char* oc_session_event_text(oc_session* session, const oc_event* event, size_t* size_bytes);
/* A value of the sample's varying part ("weight", "data_src", "transaction", "phys_addr", "cgroup",
 * "data_page_size", "code_page_size"): 1 and *value, or 0 when the event has none. */
int oc_session_tail_value(oc_session* session, const oc_event* event, const char* name,
                          uint64_t* value);
/* The addresses of the call chain, context markers included, leaf first: how many, lent with the event. */
uint32_t oc_session_callchain(oc_session* session, const oc_event* event, const uint8_t** words);

/* Bytes of the sample's varying part: "reads", "branches", "branch_counters", "user_regs", "intr_regs",
 * "user_stack", "aux". Returns how many, lent with the event. *number: of registers their ABI (0: there are none,
 * 1: 32 bits, 2: 64 bits), of branches the hardware's index of the newest. */
uint32_t oc_session_tail_bytes(oc_session* session, const oc_event* event, const char* name,
                               const uint8_t** bytes, uint64_t* number);
/* The name of the event with this id (PERF_FORMAT_ID); NULL when the trace has none. */
const char* oc_session_event_of_id(oc_session* session, uint64_t id);

/* Which build of a file was mapped, as the recorder stored it. */
typedef struct oc_build_id {
  const char* path;
  const uint8_t* id;
  uint32_t id_size;  /* bytes */
  int32_t pid;       /* -1: of no one process */
  int32_t is_kernel; /* of the kernel or a module */
} oc_build_id;

/* The i-th of them: 1, or 0 after the last. Owned by the session. */
int oc_session_build_id(oc_session* session, uint32_t index, oc_build_id* out);

/* Says which line of the script handles a kind, for the watch. */
void oc_session_describe(oc_session* session, uint32_t kind, const char* where);

void oc_session_stats(oc_session* session, oc_stats* out);
uint32_t oc_session_losses(oc_session* session, oc_loss* out, uint32_t capacity);
/* The i-th sentence about damage or limits; NULL after the last. */
const char* oc_session_note(oc_session* session, uint32_t index);
/* True when the trace is truncated or damaged. */
int oc_session_is_damaged(oc_session* session);
/* Wait status of the launched command: its exit status, 128+n for a signal; -1 while unknown. */
int oc_session_command_status(oc_session* session);

/* Names that can be asked for live, or that the opened trace has: the i-th, sorted; NULL after the last.
 * `glob` NULL: all. */
const char* oc_session_event_name(oc_session* session, const char* glob, uint32_t index);
/* Why one of these cannot be had on this machine; "" when it can. Lent until the next call. */
const char* oc_session_event_missing(oc_session* session, const char* name);
