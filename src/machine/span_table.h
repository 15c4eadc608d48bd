#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "machine/sample_table.h"

namespace oc::machine {

using SpanId = base::Id<struct SpanTag>;

/// A named stretch of time: a request, a system call, a wait. Spans form trees.
struct Span {
  int64_t start = 0;  ///< ns since the session began
  int64_t end = 0;    ///< not before `start`
  KindId kind;        ///< which scenario or timeline it belongs to
  base::StringId name;
  ContextId context;  ///< 0: of no thread
  SpanId parent;      ///< 0: a root
  StackRef stack = 0;
  AttributesId attributes;
  uint16_t cpu = kNoCpu;
};

/// Spans, in the order in which they ended, 56 bytes each. The oldest can be dropped; the ids of others stay the same. Above
/// `limit` what comes later is counted and left out. One thread.
class SpanTable {
 public:
  /// Id 0 when the table is full. A parent that is no span yet is taken as none.
  SpanId add(const Span& span);
  /// Children end before their parents, so a parent is often told afterwards. Requires: ids of this table.
  void set_parent(SpanId span, SpanId parent) { spans_[at(span)].parent = parent; }
  const Span& operator[](SpanId id) const { return spans_[at(id)]; }
  bool has(SpanId id) const { return id.value > dropped_ && at(id) < spans_.size(); }
  const std::deque<Span>& all() const { return spans_; }
  /// Of the one at `index` of all().
  SpanId id_of(size_t index) const { return {static_cast<uint32_t>(dropped_ + index + 1)}; }
  uint32_t dropped() const { return dropped_; }
  /// Drops the first ones of all(). Whose parent goes is a root.
  void drop_oldest(size_t count);
  /// By old id the new one; see ProcessTable::forget.
  void renumber_contexts(std::span<const uint32_t> ids);
  void set_limit(uint32_t limit) { limit_ = limit; }
  uint64_t refused() const { return refused_; }
  uint64_t size_bytes() const { return spans_.size() * sizeof(Span); }

 private:
  size_t at(SpanId id) const { return id.value - dropped_ - 1; }

  std::deque<Span> spans_;
  uint32_t dropped_ = 0;
  uint32_t limit_ = 50'000'000;
  uint64_t refused_ = 0;
};

}  // namespace oc::machine
