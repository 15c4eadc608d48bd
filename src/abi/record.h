#pragma once
/* Recording to a file: what `oc record` is made of. */

struct oc_session;
struct oc_run;

/* Where a recording goes, and how far; zero means no limit, or none. */
typedef struct oc_recording {
  const char* output;             /* "-": standard output */
  int32_t compression;            /* zstd's level; 0: none */
  double max_bytes;               /* the trace is not to be larger */
  double rotate_bytes, rotate_ns; /* the next file when one is so large, or so old */
  uint32_t rotate_files;          /* how many are kept; 0: all */
  double overwrite_ns,
      overwrite_bytes;      /* a flight recorder: so much of the past is kept in memory */
  double memory_bytes;      /* at most, for that */
  int32_t kernel_build_ids; /* MMAP2 records have build ids */
  int32_t keeps_stacks;     /* registers and stack bytes are stored, not unwound */
} oc_recording;

/* What was recorded; complete after oc_session_finish. */
typedef struct oc_recorded {
  const char* path;            /* of the trace, or of the last one */
  uint32_t files;              /* how many there are */
  double file_bytes;           /* of all of them */
  double record_bytes;         /* before compression */
  double samples, records;     /* of the whole recording, whether or not a file still holds them */
  double elapsed_ns;           /* from the start of the events to their end */
  double first_ns, last_ns;    /* of the trace's clock; 0: there are no samples */
  double stacks, stack_frames; /* user stacks that were unwound meanwhile, and their frames */
} oc_recorded;

/* Instead of oc_session_start: every kind that was resolved goes to the file. oc_session_next then returns 1 with
 * nothing in the loop, and 0 when the run is over. */
/* What interrupted the recording is followed: what comes after it may be interrupted again. */
void oc_host_go_on(oc_host* host);
int oc_session_record(struct oc_session* session, const struct oc_run* run,
                      const oc_recording* recording);
/* Before oc_session_record: it will go on by itself, without oc_session_next, until oc_session_finish. */
int oc_session_record_ahead(struct oc_session* session);
/* Writes what a flight recorder (overwrite) holds to a file of its own, and waits until it is there. */
int oc_session_dump(struct oc_session* session, const char* path);
/* -1 when a trace could not be written as a whole; the numbers are there all the same. */
int oc_session_recorded(struct oc_session* session, oc_recorded* out);
/* How many of these stacks end for the i-th reason, and its words, 0 for the complete ones; NULL after the last. */
const char* oc_session_recorded_end(struct oc_session* session, uint32_t index, double* stacks);
/* How many samples of a kind were recorded. */
double oc_session_recorded_samples(struct oc_session* session, uint32_t kind);
