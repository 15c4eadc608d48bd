#pragma once
/* The ExportMachine: what a run, an import or a script put together. Needs abi/session.h and abi/stack.h. Ids are from
 * 1 upwards; texts are owned by the machine. Functions that can fail return -1, 0 or NULL; oc_machine_error tells why. */

typedef struct oc_machine oc_machine;

/* Before oc_session_start: samples of all wanted kinds go into a machine. */
void oc_session_declare_machine(oc_session* session);
/* Before oc_session_start: the names of all its stacks will be asked for. */
void oc_session_expect_names(oc_session* session);
/* Before oc_session_start: the machine keeps payloads with the samples; it takes only the events that
 * oc_session_machine_take names. */
void oc_session_machine_records(oc_session* session);
void oc_session_machine_chosen(oc_session* session);
/* An event of the batch at hand becomes a sample. Hot. */
void oc_session_machine_take(oc_session* session, const oc_event* event);
/* Null before the start, or when none was declared. Owned by the session. */
oc_machine* oc_session_machine(oc_session* session);
/* After the start, before the first batch: samples of this kind belong to `group` ("cpu"). */
void oc_session_machine_group(oc_session* session, uint32_t kind, const char* group);
const oc_error* oc_machine_error(oc_machine* machine);

typedef struct oc_machine_numbers {
  double samples, dropped, spans, kinds, processes, threads, contexts, mappings, stacks;
  double bytes;             /* of memory */
  double first_ns, last_ns; /* times of the oldest and the newest sample */
  double losses, notes;
  double start_ns, wall_ns, end_ns; /* as oc_stats; the trace's newest record */
} oc_machine_numbers;
void oc_machine_measure(oc_machine* machine, oc_machine_numbers* out);
/* Retention; 0: no limit. */
void oc_machine_retain(oc_machine* machine, double span_ns, double samples, double bytes);

/* type: 0 count, 1 ns, 2 bytes, 3 any number. counted: 0 its samples stand for as many as they say, 1 perhaps, 2 they are
 * sums of nobody knows how many. */
typedef struct oc_machine_kind_info {
  oc_text name, group;
  uint32_t type;
  int32_t is_sampled;
  uint32_t counted;
  double period;
} oc_machine_kind_info;
int oc_machine_kind(oc_machine* machine, uint32_t kind, oc_machine_kind_info* out);
/* Its id, made when there is none. */
uint32_t oc_machine_add_kind(oc_machine* machine, const char* name, uint32_t type,
                             const char* group);

typedef struct oc_machine_process_info {
  int32_t pid, ns_pid;     /* ns_pid 0: not known */
  uint32_t parent;         /* 0: not known */
  double start_ns, end_ns; /* -inf, inf: before and after the trace */
  oc_text comm, command_line, cgroup;
  uint32_t threads;
} oc_machine_process_info;
int oc_machine_process(oc_machine* machine, uint32_t process, oc_machine_process_info* out);

typedef struct oc_machine_thread_info {
  int32_t tid;
  uint32_t process;
  double start_ns, end_ns;
  oc_text name; /* the latest */
} oc_machine_thread_info;
int oc_machine_thread(oc_machine* machine, uint32_t thread, oc_machine_thread_info* out);

typedef struct oc_machine_mapping_info {
  uint32_t process; /* 0: the kernel */
  oc_text path;
  uint8_t build_id[20];
  uint32_t build_id_size;
  uint64_t start, end, offset;
  double from_ns, until_ns;
} oc_machine_mapping_info;
int oc_machine_mapping(oc_machine* machine, uint32_t index,
                       oc_machine_mapping_info* out); /* from 0 */

typedef struct oc_machine_span_info {
  double start_ns, end_ns;
  oc_text name, kind;
  uint32_t context, parent, stack, attributes;
  int32_t pid, tid;
  oc_text comm;
} oc_machine_span_info;
int oc_machine_span(oc_machine* machine, uint32_t span, oc_machine_span_info* out);
/* How many were dropped by retention: the ids of the others are above that. */
uint32_t oc_machine_dropped_spans(oc_machine* machine);

/* A sentence that goes with every result and export. */
void oc_machine_note(oc_machine* machine, const char* sentence);
/* The i-th; NULL after the last. */
const char* oc_machine_note_at(oc_machine* machine, uint32_t index);

/* The payload that was kept with a sample, as an event that has it alone: 1, or 0 where there is none. Valid until samples
 * are added. */
int oc_machine_record(oc_machine* machine, double number, oc_event* out);

/* Adding by hand -------------------------------------------------------------------------------- */

/* A thread under a name; of `event`'s thread when that is not NULL. */
/* Without a name it is that which the thread is known to have at `time_ns`. */
uint32_t oc_machine_context(oc_machine* machine, const oc_event* event, int32_t pid, int32_t tid,
                            const char* comm, size_t comm_bytes, double time_ns);
typedef struct oc_own_frame {
  const char* function;
  const char* module;
  const char* file;
  uint32_t line;
  uint64_t address;
  int32_t is_kernel;
} oc_own_frame;
uint32_t oc_machine_add_frame(oc_machine* machine, const oc_own_frame* frame);
/* The innermost first; frames of the trace and own ones. */
uint32_t oc_machine_add_stack(oc_machine* machine, const uint32_t* frames, uint32_t count,
                              uint32_t kernel_count);

typedef struct oc_attribute {
  oc_text name;
  oc_text text; /* text.text NULL: a number */
  double number;
} oc_attribute;
/* Keeps a set from being forgotten, beyond the machine's end, too. */
typedef struct oc_attributes_hold oc_attributes_hold;
void oc_attributes_release(oc_attributes_hold* hold);
/* A set, with other sets that are asked after it. With `hold` no other is it, whatever both hold; what is put there is to
 * be released. */
uint32_t oc_machine_add_attributes(oc_machine* machine, const oc_attribute* attributes,
                                   uint32_t count, const uint32_t* associated,
                                   uint32_t associated_count, oc_attributes_hold** hold);
/* `other` is asked after `set` and what is associated with it. Circles do no harm. */
void oc_machine_associate(oc_machine* machine, uint32_t set, uint32_t other);
/* The i-th of a set and of those associated with it: 1, or 0 after the last. */
int oc_machine_attribute(oc_machine* machine, uint32_t set, uint32_t index, oc_attribute* out);

typedef struct oc_new_sample {
  double time, value;
  uint32_t kind, context, stack, attributes;
  int32_t cpu; /* -1: none */
} oc_new_sample;
/* Its number. */
double oc_machine_add_sample(oc_machine* machine, const oc_new_sample* sample);

typedef struct oc_new_span {
  double start_ns, end_ns;
  uint32_t kind, context, parent, stack, attributes;
  int32_t cpu;
  oc_text name;
} oc_new_span;
/* Its id; 0 when the machine has as many as it may. */
uint32_t oc_machine_add_span(oc_machine* machine, const oc_new_span* span);
void oc_machine_span_parent(oc_machine* machine, uint32_t span, uint32_t parent);
