#pragma once
/* The modules of a trace: how many samples they have, where their names come from; and an archive of them. */

struct oc_session;

typedef struct oc_modules oc_modules;

typedef struct oc_module {
  const char* path;       /* as oc_place.module; texts are owned by the oc_modules */
  const char* build_id;   /* hex; "" where the trace does not tell it */
  const char* names_from; /* who tells most names: ".symtab", "debug file", …; "" for nobody */
  const char* origin;     /* of names of no file: "/proc/kallsyms", "perf-12.map" */
  const char* file;       /* the file that was opened; "": none */
  const char* debug;      /* its separate debug file; "": none */
  const char* reason;     /* why there are no names, or few; "" where there are */
  const char* no_lines;   /* why there are no lines; "" where there are */
  double symbols;
  double samples;   /* taken in its code */
  double in_stacks; /* with a frame of it in their stack */
  double named;     /* of `samples`, those whose function is known */
  int32_t pid;      /* of compiled code: whose; else 0 */
  int32_t is_verified;
} oc_module;

/* One for a session whose stacks and places are declared; close it before the session. */
oc_modules* oc_modules_new(struct oc_session* session);
void oc_modules_close(oc_modules* modules);
/* Counts the events of the batch at hand. */
void oc_modules_count(oc_modules* modules);
/* After the run: how many modules there are; those that no sample is in only with `all`. `with_names`: oc_module.named is
 * counted. -1: the session's error. */
int oc_modules_finish(oc_modules* modules, int all, int with_names);
/* The i-th, those with most samples first: 1, or 0 after the last. Opens its files. Lent until the next call. */
int oc_modules_read(oc_modules* modules, uint32_t index, oc_module* out);
/* The i-th place where its debug file was looked for; NULL after the last. Of the module read last. */
const char* oc_modules_tried(oc_modules* modules, uint32_t index);

/* Writes them with their trace to an archive: 0, or -1 and the session's error. */
int oc_modules_archive(oc_modules* modules, const char* trace, const char* output, int replaces);
typedef struct oc_archived {
  const char* what;   /* as the trace calls it */
  const char* name;   /* in the archive; "": left out */
  const char* reason; /* why */
  double bytes;
} oc_archived;
/* The i-th file of the archive, or that could not be in it: 1, or 0 after the last. */
int oc_modules_archived(oc_modules* modules, uint32_t index, oc_archived* out);
