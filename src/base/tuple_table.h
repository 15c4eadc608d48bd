#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace oc::base {

/// One key of a TupleTable: two words of any meaning and, in `kinds`, what they mean.
struct TupleRow {
  uint64_t a = 0;
  uint64_t b = 0;
  uint32_t kinds = 0;
  uint32_t unused = 0;
};

/// Maps tuples (a, b, kinds) to dense row numbers 1, 2, 3 … in the order of their arrival.
///
/// Made to be read by a JIT compiler: a hit is three multiplications and a few loads without a
/// loop; whatever the first slot does not answer (a collision, a new key) costs one call of
/// `find_or_add`.
///
///     slots_ (2^n of int32)        rows_ (dense, append-only)
///     +---+                        +-----------------------------+
///     | 0 |  free: row 0 fits  ,-> | 0  kinds = kNoKey: "(other)" |  matches no key, so a free slot
///     +---+  no key           |    +-----------------------------+  needs no test of its own
///     | 2 | ----------------. |    | 1  a, b, kinds              |
///     +---+                  `|--> | 2  a, b, kinds              |
///     | 1 |  a collision: 1   |    +-----------------------------+
///     +---+  wanted the slot above; found by the C++ probe (linear)
///
///     slot = hash(a, b) >> shift,  the top n bits of the product
///
/// Small tables are at most 1/8 full, so that few keys need the call; large ones miss the cache
/// anyway and are at most 1/2 full.
///
/// The caller keeps its values in arrays of its own, indexed by row. Rows never move relative to
/// each other; `rows()` and `slots()` are valid until the next `find_or_add` or `clear`. When
/// `limit` keys are there, a new one gets row 0 and is counted in `refused()`: memory is bounded,
/// and visibly so. Rejected: values inside the rows (each aggregate has its own shape), and 16-byte
/// SIMD groups (the reader is generated code that cannot use them). One thread only.
class TupleTable {
 public:
  /// Kinds that no caller's key may have.
  static constexpr uint32_t kNoKey = 0xffffffff;
  /// Rows are int32 in the slots, and the slots are at most half full.
  static constexpr uint32_t kMaxLimit = 1u << 29;

  explicit TupleTable(uint32_t limit);

  /// The row of this key, made if it was not known; 0 when the table is at its limit.
  uint32_t find_or_add(uint64_t a, uint64_t b, uint32_t kinds);
  /// The row of this key, or 0.
  uint32_t find(uint64_t a, uint64_t b, uint32_t kinds) const;
  /// Forgets all keys and the refusals; keeps the memory.
  void clear();

  /// Two rounds: with one, keys that share their low bits (small integers as doubles, aligned
  /// addresses) crowd together. Constants chosen by trial over such keys: at least 70 % of them lie
  /// in their first slot, and so do random ones.
  static uint64_t hash(uint64_t a, uint64_t b) {
    uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 29;
    return h * UINT64_C(0xd6e8feb86659fd93);
  }

  const TupleRow* rows() const { return rows_.data(); }
  const int32_t* slots() const { return slots_.data(); }
  uint32_t shift() const { return shift_; }
  /// Rows in use, with row 0.
  uint32_t size() const { return static_cast<uint32_t>(rows_.size()); }
  uint32_t limit() const { return limit_; }
  /// How often a key was turned away because of the limit.
  uint64_t refused() const { return refused_; }

 private:
  size_t probe(uint64_t a, uint64_t b, uint32_t kinds) const;
  void grow();

  std::vector<int32_t> slots_;
  std::vector<TupleRow> rows_;
  uint32_t shift_;
  uint32_t limit_;
  uint64_t refused_ = 0;
};

}  // namespace oc::base
