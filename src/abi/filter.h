#pragma once
/* The C face of filters: checked and flattened here, compiled to Lua by lua/oc/filter_source.lua. */

typedef struct oc_session oc_session;

/* A field that a canonical event adds. */
typedef struct oc_filter_alias {
  const char* name;
  uint32_t type;             /* as oc_filter_node.type */
  const char* payload_field; /* when it is a payload field under another name; "" otherwise */
} oc_filter_alias;

/* A node of a filter in prefix order; what the numbers mean is in event/filter.h. */
typedef struct oc_filter_node {
  uint32_t op;        /* FilterNode::Op */
  uint32_t negated;   /* of text and floats */
  uint32_t count;     /* children of and, or */
  uint32_t type;      /* 0 integer, 1 float, 2 bool, 3 text */
  uint32_t place;     /* FilterField::Place */
  uint32_t index;     /* of the payload field, offset in the record, common field, or alias */
  uint32_t size;      /* bytes of a number */
  uint32_t is_signed; /* of an integer */
  uint64_t bits;      /* the constant */
  double number;      /* the constant of a float */
  const char* text;   /* the constant of text */
  uint32_t text_size;
} oc_filter_node;

/* Parses a filter and checks it against a kind: its nodes, *count of them, lent until the next call;
 * NULL when it does not fit (error code 1: the event has no such field). */
const oc_filter_node* oc_session_check_filter(oc_session* session, uint32_t kind, const char* text,
                                              const oc_filter_alias* aliases, uint32_t alias_count,
                                              uint32_t* count);
/* What the kernel can be asked to leave out for the filter checked last; "" for nothing. Lent until the
 * next check. */
const char* oc_session_kernel_filter(oc_session* session);
/* The first part of that filter which the kernel would not test exactly as it says; "" when it tests all of
 * it. Lent until the next check. */
const char* oc_session_kernel_filter_rest(oc_session* session);
/* Asks for the kernel's part; before oc_session_start. */
void oc_session_set_kernel_filter(oc_session* session, uint32_t kind, const char* text);
/* What the kernel took; after oc_session_start. Lent until the next call. */
const char* oc_session_kernel_filter_taken(oc_session* session, uint32_t kind);
/* 1 when the whole of `text` matches the glob. */
int oc_glob_text(const char* glob, size_t glob_bytes, const char* text, size_t text_bytes);
