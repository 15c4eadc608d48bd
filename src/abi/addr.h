#pragma once

/* An address, pointer or hash as Lua scripts hold it: all 64 bits, compared as unsigned. */
typedef struct oc_addr {
  uint64_t v;
} oc_addr;
