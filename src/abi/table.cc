#include "base/tuple_table.h"

#include <cstddef>
#include <cstdint>
#include <exception>

extern "C" {
#include "abi/addr.h"
#include "abi/table.h"
}

using oc::base::TupleRow;
using oc::base::TupleTable;

static_assert(sizeof(oc_table_row) == sizeof(TupleRow));
static_assert(offsetof(oc_table_row, b) == offsetof(TupleRow, b));
static_assert(offsetof(oc_table_row, kinds) == offsetof(TupleRow, kinds));
static_assert(sizeof(oc_addr) == 8 && sizeof(oc_double_bits) == 8 && sizeof(oc_stats_row) == 64);
static_assert(offsetof(oc_table, rows) == 16 && sizeof(oc_table) == 72);

namespace {

/// What stands behind an oc_table*: the part that Lua sees, and the table that it shows.
struct Handle : oc_table {
  explicit Handle(uint32_t keys_at_most) : oc_table{}, table(keys_at_most) { show(); }

  void show() {
    rows = reinterpret_cast<oc_table_row*>(const_cast<TupleRow*>(table.rows()));
    slots = const_cast<int32_t*>(table.slots());
    shift = static_cast<int32_t>(table.shift());
    count = static_cast<int32_t>(table.size());
    limit = static_cast<int32_t>(table.limit());
  }

  TupleTable table;
};

/// Equal Lua numbers get equal bits: 0 for -0, one NaN for all.
uint64_t word_bits(oc_key_word word, uint32_t kind) {
  if (kind != OC_KEY_NUMBER) return word.u;
  if (word.d == 0) return 0;
  return word.d == word.d ? word.u : UINT64_C(0x7ff8000000000000);
}

}  // namespace

extern "C" {

oc_table* oc_table_new(double limit) {
  try {
    return new Handle(limit >= 1 && limit < TupleTable::kMaxLimit ? static_cast<uint32_t>(limit)
                                                                  : TupleTable::kMaxLimit);
  } catch (const std::exception&) {
    return nullptr;
  }
}

void oc_table_close(oc_table* t) { delete static_cast<Handle*>(t); }

int32_t oc_table_find_or_add(oc_table* t, uint32_t kinds) {
  auto* handle = static_cast<Handle*>(t);
  int32_t row = 0;
  try {
    row = static_cast<int32_t>(handle->table.find_or_add(word_bits(t->key.a, kinds & 15),
                                                         word_bits(t->key.b, kinds >> 4), kinds));
  } catch (const std::exception&) {
    row = 0;  // no memory: as if the limit were reached
  }
  if (row == 0) t->refused += 1;
  handle->show();
  return row;
}

int32_t oc_table_find(oc_table* t, uint32_t kinds) {
  return static_cast<int32_t>(static_cast<Handle*>(t)->table.find(
      word_bits(t->key.a, kinds & 15), word_bits(t->key.b, kinds >> 4), kinds));
}

void oc_table_clear(oc_table* t) {
  auto* handle = static_cast<Handle*>(t);
  handle->table.clear();
  handle->refused = 0;
  handle->show();
}

}  // extern "C"
