#include "base/tuple_table.h"

#include <algorithm>

namespace oc::base {

namespace {
constexpr uint32_t kFirstBits = 8;
constexpr size_t kSparseRows = 4096;  // slots of 128 KiB: within the second cache

size_t slots_for(size_t rows) { return rows <= kSparseRows ? rows * 8 : rows * 2; }
}  // namespace

TupleTable::TupleTable(uint32_t limit)
    : slots_(size_t{1} << kFirstBits), shift_(64 - kFirstBits), limit_(std::min(limit, kMaxLimit)) {
  rows_.push_back({0, 0, kNoKey, 0});
}

size_t TupleTable::probe(uint64_t a, uint64_t b, uint32_t kinds) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash(a, b) >> shift_;
  while (slots_[at] != 0) {
    const TupleRow& row = rows_[static_cast<size_t>(slots_[at])];
    if (row.a == a && row.b == b && row.kinds == kinds) break;
    at = (at + 1) & mask;
  }
  return at;
}

uint32_t TupleTable::find(uint64_t a, uint64_t b, uint32_t kinds) const {
  return static_cast<uint32_t>(slots_[probe(a, b, kinds)]);
}

uint32_t TupleTable::find_or_add(uint64_t a, uint64_t b, uint32_t kinds) {
  size_t at = probe(a, b, kinds);
  if (slots_[at] != 0) return static_cast<uint32_t>(slots_[at]);
  if (size() - 1 >= limit_) {
    ++refused_;
    return 0;
  }
  if (slots_for(rows_.size() + 1) > slots_.size()) {
    grow();
    at = probe(a, b, kinds);
  }
  const uint32_t row = size();
  rows_.push_back({a, b, kinds, 0});  // what may throw comes before what changes
  slots_[at] = static_cast<int32_t>(row);
  return row;
}

void TupleTable::grow() {
  std::vector<int32_t> bigger(slots_.size() * 2);
  const size_t mask = bigger.size() - 1;
  --shift_;
  for (size_t row = 1; row < rows_.size(); ++row) {
    size_t at = hash(rows_[row].a, rows_[row].b) >> shift_;
    while (bigger[at] != 0) at = (at + 1) & mask;
    bigger[at] = static_cast<int32_t>(row);
  }
  slots_ = std::move(bigger);
}

void TupleTable::clear() {
  rows_.resize(1);
  std::fill(slots_.begin(), slots_.end(), 0);
  refused_ = 0;
}

}  // namespace oc::base
