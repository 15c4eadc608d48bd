#pragma once
/* Files made of a machine. Needs abi/query.h. */

typedef struct oc_format {
  const char* name;
  const char* summary;
  const char* extensions; /* separated by spaces */
  int32_t holds_stacks, holds_times, holds_threads, holds_process_names, holds_lines,
      holds_build_ids, holds_kinds, holds_spans, holds_attributes, holds_losses, is_binary;
} oc_format;
/* The i-th built-in format: 1, or 0 after the last. Texts are static, but for `extensions`: lent until the next call. */
int oc_format_at(uint32_t index, oc_format* out);
/* The name of the format of such a path; NULL: none. Static. */
const char* oc_format_of_path(const char* path);

/* 0 nothing is there, 1 a file, 2 a folder, 3 a device, pipe or socket. */
int oc_path_kind(const char* path);

typedef struct oc_export_options {
  const char* format; /* a name; NULL: by the path's extension */
  const char* title;  /* NULL: made of the trace's name */
  int32_t overwrites;
  int32_t no_inlined;
  int32_t counts; /* samples weigh 1 each, not their value */
  int32_t values; /* also in collapsed stacks, of kinds that are counted there otherwise */
  int32_t mixed;  /* a part of samples of several kinds: one number is that of samples */
} oc_export_options;
/* Whether the selection's values can be that one number: it has one kind. */
int oc_selection_has_measure(oc_selection* selection, const oc_export_options* options);
/* What the numbers of its collapsed stacks are: "samples", "ns of off_cpu". Lent until the next call. */
const char* oc_selection_folded_unit(oc_selection* selection, const oc_export_options* options);
/* Writes the samples of a finished selection to a file, or to standard output ("-"). Bytes, or -1. */
double oc_selection_export(oc_selection* selection, const char* path,
                           const oc_export_options* options);

/* Several files of one finished selection at the same time, on threads. `format` and `title` are copied. Nothing of the
 * machine may change until it is closed. NULL: oc_machine_error. */
typedef struct oc_exports oc_exports;
/* 0 when this is to be written alone: it is no file, or its format changes the machine. `format` may be NULL. */
int oc_exports_can(const char* path, const char* format);
/* The selection may go before it. Of the machine nothing is to be changed until it is closed. */
oc_exports* oc_exports_new(oc_selection* selection, const oc_export_options* options);
/* 0, or -1: oc_machine_error. A file that cannot be opened is told by oc_exports_finish. */
int oc_exports_add(oc_exports* exports, const char* path);
void oc_exports_start(oc_exports* exports);
/* The i-th that was added: waits until it is written. Bytes, or -1: oc_machine_error. Each once. */
double oc_exports_finish(oc_exports* exports, uint32_t index);
/* Those that were not finished leave nothing behind. */
void oc_exports_close(oc_exports* exports);

/* A profile that other tools wrote (pprof, collapsed stacks). NULL: it is none, *problem is NULL then; or it cannot be
 * read, *problem and *hint say why, lent until the next call. Close it. */
oc_machine* oc_profile_open(oc_host* host, const char* path, const char** problem,
                            const char** hint);
void oc_profile_close(oc_machine* machine);

typedef struct oc_diff_options {
  const char* title;
  int32_t overwrites;
  int32_t by_before; /* widths are those of `before` */
  int32_t counts;    /* samples weigh 1 each */
  const char*
      unit; /* otherwise: the kind's name, and the type of its values as in oc_machine_kind_info */
  uint32_t type;
  double scale; /* of weights of `before`; 0: shares are compared */
} oc_diff_options;
/* A differential flame graph (SVG). Bytes, or -1: oc_machine_error of the owner of `after`. */
double oc_graph_write_diff(oc_graph* before, oc_graph* after, const char* path,
                           const oc_diff_options* options);

/* A file that a script writes: complete or not at all. NULL: oc_machine_error. */
typedef struct oc_output oc_output;
oc_output* oc_output_open(oc_machine* machine, const char* path, int overwrites);
void oc_output_write(oc_output* output, const char* bytes, size_t size_bytes);
/* 0, or -1: oc_machine_error. Closes it. */
int oc_output_finish(oc_output* output);
/* Leaves nothing behind. */
void oc_output_abandon(oc_output* output);
