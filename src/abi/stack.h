#pragma once
/* Stacks as ids, and what stands behind them. All can be asked for also when the run is over. */

struct oc_session;

/* A stack as Lua scripts hold it: equal ids of one session are equal stacks. */
typedef struct oc_stack {
  uint32_t id;
  uint32_t session; /* a number of Lua's own */
} oc_stack;

/* Before oc_session_start: what is built. mode: 0 no stacks, 1 call chains, 2 what registers and stack bytes give goes
 * before. with_places: where samples were taken is found, also without stacks. */
void oc_session_stacks(struct oc_session* session, uint32_t mode, int with_places);

/* Before oc_session_start: debug files and programs that are not here are asked for by build id, until a signal comes. */
void oc_session_use_debuginfod(struct oc_session* session);

typedef struct oc_text {
  const char* text;
  size_t size_bytes;
} oc_text;

/* Owned by the session. */
typedef struct oc_stack_frames {
  const uint32_t* frames; /* frame ids, the innermost first */
  uint32_t count;
  uint32_t kernel_count; /* the first so many are the kernel's */
  const char* reason;    /* why there are no more: "complete", … */
} oc_stack_frames;

/* 0, or -1 when there is no such stack. */
int oc_session_stack(struct oc_session* session, uint32_t stack, oc_stack_frames* out);
/* Looks up the frames of these stacks, all at once: much quicker than one after the other. */
void oc_session_resolve_stacks(struct oc_session* session, const uint32_t* stacks, uint32_t count);

/* What is known of a frame. Texts are owned by the session; empty where nobody knows. */
typedef struct oc_place {
  oc_text name;             /* demangled, without parameters */
  oc_text full_name;        /* demangled, with parameters */
  oc_text module;           /* its path, or a name in brackets */
  const char* source;       /* who told the name: "symtab", "kallsyms", …; "" for nobody */
  uint64_t offset;          /* in the module: of a file, in the file */
  uint64_t function_offset; /* from the function's beginning */
  uint64_t
      mark; /* of the place: the same in another session of this trace, and another one for other places */
  int32_t has_address; /* the offset is an address: of the kernel, of memory */
  int32_t is_kernel;
  uint32_t
      calls; /* functions at this place, inlined ones first, the last one is `name`; 0: lines are not known */
} oc_place;
int oc_session_place(struct oc_session* session, uint32_t frame, oc_place* out);

typedef struct oc_call {
  oc_text name, full_name, file;
  uint32_t line; /* 0: not known */
} oc_call;
int oc_session_call(struct oc_session* session, uint32_t frame, uint32_t index, oc_call* out);

/* Names a function in every module of this path, at an offset as in oc_place, for frames that are looked up from now on;
 * before the run or after its beginning. */
void oc_session_add_symbol(struct oc_session* session, const char* module, uint64_t offset,
                           uint64_t size_bytes, const char* name);

/* Frames that oc has no name for, in the order of their ids: from the one behind *cursor (0 at first), which becomes the last
 * that was looked at. How many were written, at most `capacity`; 0: there are no more. */
uint32_t oc_session_unnamed(struct oc_session* session, uint32_t* cursor, uint32_t* frames,
                            uint32_t capacity);
/* What a script calls the place of such a frame, for all that ask for its name from now on, a machine, too. NULL or line 0: it
 * does not say. */
void oc_session_tell_place(struct oc_session* session, uint32_t frame, const char* name,
                           const char* full_name, const char* file, uint32_t line);
/* Takes back what was told of places. */
void oc_session_forget_told(struct oc_session* session);

/* How a frame of code leads to its caller's; offsets in words of 8 bytes, all but `cfa` from the CFA, which is the caller's
 * stack pointer. */
typedef struct oc_unwind_rule {
  uint64_t offset, size_bytes; /* of the code, as in oc_place */
  int32_t base; /* CFA = 0: stack pointer + cfa, 1: frame pointer + cfa; 2: there is no caller */
  int32_t cfa;
  int32_t ra; /* where the return address lies */
  int32_t fp; /* where the caller's frame pointer lies; -32768: the register still has it */
} oc_unwind_rule;
/* For code of every module whose path is `module`, or matches it as a glob; before the run or after its beginning, then for what
 * is decoded later. Give many at once: what was noted of code is noted anew after each call. 0; or of the first rule with a number
 * that does not fit, its place in the list from 1: then none is added; or -1. */
int oc_session_add_unwind_rules(struct oc_session* session, const char* module,
                                const oc_unwind_rule* rules, uint32_t count);

/* Why the function at this frame, or its line, is not known; "" where both are, and of what has no lines. Owned by the session until
 * the next call that gives a text. */
const char* oc_session_reason(struct oc_session* session, uint32_t frame);

/* What was built so far. */
typedef struct oc_stack_stats {
  double samples, frames; /* samples with a stack, and how many frames these have in all */
  double stacks, distinct_frames, modules;
  double bytes;                   /* of memory, for all this */
  double unwound, unwound_frames; /* samples whose user part was unwound, and the frames of it */
  double chains, short_chains;    /* samples with call chains of user code; of one or two frames */
} oc_stack_stats;
void oc_session_stack_stats(struct oc_session* session, oc_stack_stats* out);
/* How many samples have a stack that ends for the i-th reason, and its words; NULL after the last. */
const char* oc_session_stack_end(struct oc_session* session, uint32_t index, double* samples);
