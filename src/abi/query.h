#pragma once
/* Questions to a machine: which samples, by groups or as a tree. Needs abi/machine.h. */

typedef struct oc_selection oc_selection;
typedef struct oc_query oc_query;
typedef struct oc_graph oc_graph;

/* All samples, until something is chosen. Close it after what was made of it. */
oc_selection* oc_selection_new(oc_machine* machine);
void oc_selection_close(oc_selection* selection);
/* what: "kind", "comm", "task" (the thread's name or its process's), "pid", "tid", "cpu", "symbol", "module", "cgroup", "attribute" (NAME=VALUE); texts may be globs. */
int oc_selection_choose(oc_selection* selection, const char* what, const char* text);
void oc_selection_time(oc_selection* selection, double from_ns, double until_ns);
/* A byte for each sample from the machine's first on, 0: left out. Copied. */
void oc_selection_keep(oc_selection* selection, const uint8_t* keep, double count);
/* Answers the questions; the selection is fixed then. */
int oc_selection_finish(oc_selection* selection);
double oc_selection_count(oc_selection* selection);

typedef struct oc_sample {
  double time, value, number;
  uint32_t kind, context, stack, attributes, thread, process;
  int32_t cpu, pid, tid;
  oc_text comm;
} oc_sample;
/* The samples from number *cursor on (at first 0) to below `end`, as many as one piece of the table has, at most 16384:
 * `out` has room for so many. Moves the cursor; 0 at the end. */
uint32_t oc_selection_next(oc_selection* selection, double* cursor, double end, oc_sample* out);

/* Where samples were taken: names the innermost frames of all of a selection's stacks at once, for what follows. */
void oc_selection_name_places(oc_selection* selection);
/* The function whose code the innermost frame is, and its module: 1, or 0 where there is no frame. Owned by the machine. */
int oc_machine_leaf(oc_machine* machine, uint32_t stack, oc_text* symbol, oc_text* module);
/* The address of the innermost frame in that context's process: 1, or 0 where nobody knows it. */
int oc_machine_ip(oc_machine* machine, uint32_t context, uint32_t stack, uint64_t* out);
/* The path of its control group; "" where nobody told. Owned by the machine. */
void oc_machine_cgroup(oc_machine* machine, uint32_t context, oc_text* out);
/* A stack of the machine's own or of the trace: 0, or -1 when there is none. */
int oc_machine_stack(oc_machine* machine, uint32_t stack, oc_stack_frames* out);
/* The index-th function at a frame of such a stack, inlined ones first: 1, or 0 behind the last. Texts are owned by the
 * machine. */
typedef struct oc_machine_line {
  oc_text name, full_name, module, file; /* name: empty where nobody knows it */
  uint64_t offset;
  uint32_t line; /* 0: not known */
  int32_t has_address, is_kernel, is_inlined;
} oc_machine_line;
int oc_machine_frame_line(oc_machine* machine, uint32_t frame, uint32_t index,
                          oc_machine_line* out);

/* Everything in order of time: processes, threads, mappings, spans, and the selection's samples. what: 0 a process
 * starts, 1 a thread, 2 code is mapped, 3 a span begins, 4 a sample, 5 a span ends, 6 code is unmapped, 7 a thread ends,
 * 8 a process ends; `id` is what the machine calls it (mappings: 1 + index). */
typedef struct oc_replay oc_replay;
typedef struct oc_moment {
  double time, id;
  uint32_t what;
} oc_moment;
oc_replay* oc_replay_new(oc_selection* selection);
void oc_replay_close(oc_replay* replay);
/* The next moments, at most `capacity`; 0 at the end. */
uint32_t oc_replay_next(oc_replay* replay, oc_moment* out, uint32_t capacity);

/* Of a finished selection. */
oc_query* oc_query_new(oc_selection* selection);
void oc_query_close(oc_query* query);
/* As machine::parse_group_by; `width` in ns of "time". */
int oc_query_by(oc_query* query, const char* group, double width);
/* What samples can be grouped by, beside "attribute:NAME"; null behind the last one. */
const char* oc_group_name(uint32_t index);
/* A number for each sample from the machine's first on; what they mean is the caller's. Copied. */
void oc_query_by_given(oc_query* query, const uint32_t* groups, double count);
/* order: 0 by the sum of values, 1 by samples. The number of rows, -1 on failure. */
double oc_query_run(oc_query* query, uint32_t order);

typedef struct oc_row {
  double count, sum, min, max;
  double squares; /* sum of the values' squares */
} oc_row;
void oc_query_row(oc_query* query, uint32_t row, oc_row* out);
void oc_query_totals(oc_query* query, oc_row* out);
/* Of a group of a row, as a person reads it. Lent: until the next call. */
const char* oc_query_text(oc_query* query, uint32_t row, uint32_t group, size_t* size_bytes);
/* The same as the id, pid, CPU or time that it is. */
double oc_query_number(oc_query* query, uint32_t row, uint32_t group);
/* For each row as many numbers as shares, row by row. Lent: until the next call. */
const double* oc_query_quantiles(oc_query* query, const double* shares, uint32_t count);
/* How many values of the row lie in the i-th power of two; -1 after the last. */
double oc_query_histogram(oc_query* query, uint32_t row, uint32_t index);

typedef struct oc_graph_options {
  int32_t is_inverted, no_inlined, by_process, by_thread, by_comm, by_line, fold_recursion;
  int32_t no_kernel, no_user;
  const char* focus; /* globs; NULL or "": none */
  const char* callers_of;
  const char* hide;
  const char* hide_module;
} oc_graph_options;
oc_graph* oc_graph_new(oc_selection* selection, const oc_graph_options* options);
void oc_graph_close(oc_graph* graph);
void oc_graph_merge(oc_graph* graph, oc_graph* other);

/* what: 0 the root, 1 a process, 2 a thread, 3 a name of threads, 4 a function. */
typedef struct oc_graph_node {
  oc_text name, module, file;
  uint32_t line, what, parent, first_child, next;
  int32_t is_kernel;
  double self, total, self_count, total_count;
} oc_graph_node;
uint32_t oc_graph_nodes(oc_graph* graph);
int oc_graph_node_at(oc_graph* graph, uint32_t node, oc_graph_node* out);
/* By function, the heaviest first: name, module, self, total and counts are set. 0 after the last. */
int oc_graph_function(oc_graph* graph, uint32_t index, oc_graph_node* out);
