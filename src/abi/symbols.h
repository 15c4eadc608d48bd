#pragma once

/* One program or library, looked into by itself. */
struct oc_host;
typedef struct oc_symbols oc_symbols;

/* What is at an address; texts are lent until the next look-up. */
typedef struct oc_symbol_place {
  const char* name;   /* demangled, with parameters; "" when there is no symbol */
  const char* brief;  /* the same without parameters */
  const char* source; /* who told it: ".symtab", "PLT" ... */
  double offset;      /* from its start */
  uint32_t calls;     /* how many oc_symbols_call has: 0 without line information */
} oc_symbol_place;

/* A function in the source, the innermost inlined one first. */
typedef struct oc_symbol_call {
  const char* name; /* "" when not known */
  const char* file; /* "" when not known */
  uint32_t line;    /* 0 when not known */
} oc_symbol_call;

typedef struct oc_symbol {
  uint64_t address;
  uint32_t size_bytes;
  const char* name; /* demangled, with parameters */
  const char* source;
} oc_symbol;

/* Opens a file, with its debug files; `root` is "" or the folder below which it and they lie; with uses_debuginfod
   servers are asked too, until the host gets a signal. Never NULL unless memory
   ends; oc_symbols_error tells a failure. Close it. */
oc_symbols* oc_symbols_open(struct oc_host* host, const char* path, const char* root,
                            int uses_debuginfod);
void oc_symbols_close(oc_symbols* symbols);
/* "" when it was opened; otherwise a sentence. */
const char* oc_symbols_error(const oc_symbols* symbols);
/* The i-th fact about the file: 1 with key and value, or 0 after the last. */
int oc_symbols_fact(oc_symbols* symbols, uint32_t index, const char** key, const char** value);
/* 1, or 0 when neither a symbol nor a line is known there. */
int oc_symbols_find(oc_symbols* symbols, uint64_t address, oc_symbol_place* out);
int oc_symbols_call(oc_symbols* symbols, uint32_t index, oc_symbol_call* out);
/* Of an address that was not found: where it lies. Of a name: those that may have been meant, "did you mean …?", or "".
   Lent until the next of these calls. */
const char* oc_symbols_gap(oc_symbols* symbols, uint64_t address);
const char* oc_symbols_near(oc_symbols* symbols, const char* name);
/* Symbols by name or glob: how many; then each by index. */
uint32_t oc_symbols_search(oc_symbols* symbols, const char* pattern);
int oc_symbols_match(oc_symbols* symbols, uint32_t index, oc_symbol* out);
