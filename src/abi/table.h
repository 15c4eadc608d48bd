#pragma once

/*
 * The keys of an aggregate: tuples of two 64-bit words to dense row numbers (base/tuple_table.h has the
 * picture). Lua reads the slot and the row itself; only a new key or a collision costs a call:
 *
 *     t.key.a, t.key.b  <- the two words            kinds <- kind of a | kind of b << 4
 *     h    = a * 0x9e3779b97f4a7c15 + b * 0xd6e8feb86659fd93
 *     slot = ((h ^ h >> 29) * 0xd6e8feb86659fd93) >> t.shift
 *     row  = t.slots[slot];  hit when t.rows[row] has the same a, b and kinds
 *     else row = oc_table_find_or_add(t, kinds)
 */

/* What a word of a key is: 4 bits each in `kinds`. */
enum {
  OC_KEY_NIL = 0,     /* d = 0 */
  OC_KEY_BOOLEAN = 1, /* d = 0 or 1 */
  OC_KEY_NUMBER = 2,  /* d; -0 becomes 0, and all NaNs are one */
  OC_KEY_INT64 = 3,   /* u */
  OC_KEY_UINT64 = 4,  /* u */
  OC_KEY_ADDR = 5,    /* u */
  OC_KEY_STRING = 6,  /* d = index into the aggregate's own list of strings */
  OC_KEY_TUPLE = 7,   /* d = row of the table before this one: the keys to the left */
  OC_KEY_STACK = 8    /* u = oc_stack: the id, and the session in the upper half */
};

typedef union oc_key_word {
  double d;
  uint64_t u;
} oc_key_word;

typedef struct oc_key {
  oc_key_word a, b;
} oc_key;

typedef struct oc_table_row {
  oc_key_word a, b;
  uint32_t kinds;
  uint32_t unused;
} oc_table_row;

/* One row of oc.stats. Sums are several doubles: the rounded sum, and what rounding took from it
 * (lua/oc/aggregate/exact.lua). */
typedef struct oc_stats_row {
  double count, sum, sum_rest, squares, squares_rest, squares_rest2, min, max;
} oc_stats_row;

/* Pointers are valid until the next call with this table. Row 0 is "(other)": the keys beyond `limit`. */
typedef struct oc_table {
  oc_key key; /* written by Lua before each call */
  oc_table_row*
      rows; /* read only; not const, so that no compiler keeps a loaded slot over a call */
  int32_t* slots;
  int32_t shift;
  int32_t count; /* rows in use, with row 0 */
  int32_t limit; /* keys taken at most */
  int32_t unused;
  double refused; /* how often a key was turned away */
  /* Of the aggregate, indexed by row; memory of Lua's, kept here because this address is constant. */
  double* values;
  oc_stats_row* stats;
} oc_table;

/* An empty table; NULL when there is no memory. Never fails otherwise. */
oc_table* oc_table_new(double limit);
void oc_table_close(oc_table* t);
/* The row of t->key, made if it is new; 0 when the table is at its limit or memory ends. */
int32_t oc_table_find_or_add(oc_table* t, uint32_t kinds);
/* The row of t->key, or 0. */
int32_t oc_table_find(oc_table* t, uint32_t kinds);
/* Forgets all keys, keeps the memory. */
void oc_table_clear(oc_table* t);

/* A double and its upper half: sign, exponent, 20 bits of the mantissa (little-endian machines). */
typedef union oc_double_bits {
  double d;
  struct {
    int32_t low, high;
  } w;
} oc_double_bits;
