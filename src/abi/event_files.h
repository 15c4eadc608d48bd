#pragma once
/* Files of events, written while a trace is read: tables, and a part of a perf.data. Needs abi/session.h. What fails is
 * told by oc_session_error. */

typedef struct oc_event_file oc_event_file;

/* Opened before the run. format: "csv", "jsonl", "sqlite", or "perfdata": a part of the recorded trace. `kinds`: those that will be added, in the order of columns.
 * NULL: oc_session_error. */
oc_event_file* oc_event_file_open(oc_session* session, const char* path, const char* format,
                                  const uint32_t* kinds, uint32_t count, int overwrites);
/* Whether records of the kernel of that number (oc_event.event) say what happened at one moment, and change nothing for
 * later ones: a part of a trace has them only if they are added. */
int oc_kernel_record_is_of_a_moment(uint32_t kind);
/* Hot; events of other kinds are passed over. What fails is told at the end. Of no file (NULL): nothing is done. */
void oc_event_file_add(oc_event_file* file, const oc_event* event);
/* How many events it got. */
double oc_event_file_count(const oc_event_file* file);
/* After the run. Bytes before compression, or -1 (also of no file); closes it either way. What is never finished leaves nothing behind. */
double oc_event_file_finish(oc_event_file* file);
/* Leaves nothing behind. Of no file: nothing is done. */
void oc_event_file_abandon(oc_event_file* file);
