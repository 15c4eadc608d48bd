#pragma once
/* Files made of a machine. Needs abi/query.h. */

typedef struct oc_format {
  const char* name;
  const char* summary;
  const char* extensions; /* separated by spaces */
  int32_t holds_stacks, holds_times, holds_threads, holds_process_names, holds_lines, holds_build_ids, holds_kinds,
      holds_spans, holds_attributes, holds_losses, is_binary;
} oc_format;
/* The i-th built-in format: 1, or 0 after the last. Texts are static, but for `extensions`: lent until the next call. */
int oc_format_at(uint32_t index, oc_format* out);
/* The name of the format of such a path; NULL: none. Static. */
const char* oc_format_of_path(const char* path);

typedef struct oc_export_options {
  const char* format;  /* a name; NULL: by the path's extension */
  const char* title;   /* NULL: made of the trace's name */
  int32_t overwrites;
  int32_t no_inlined;
  int32_t counts; /* samples weigh 1 each, not their value */
} oc_export_options;
/* Writes the samples of a finished selection to a file, or to standard output ("-"). Bytes, or -1. */
double oc_selection_export(oc_selection* selection, const char* path, const oc_export_options* options);

/* A file that a script writes: complete or not at all. NULL: oc_machine_error. */
typedef struct oc_output oc_output;
oc_output* oc_output_open(oc_machine* machine, const char* path, int overwrites);
void oc_output_write(oc_output* output, const char* bytes, size_t size_bytes);
/* 0, or -1: oc_machine_error. Closes it. */
int oc_output_finish(oc_output* output);
/* Leaves nothing behind. */
void oc_output_abandon(oc_output* output);
