#pragma once

#include <cstdint>
#include <span>
#include <vector>

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

/// All spans, in the order in which they ended. Its 56 bytes each only grow; `limit` bounds them: what comes later is
/// counted and left out. One thread.
class SpanTable {
 public:
  /// Id 0 when the table is full. A parent that is no span yet is taken as none.
  SpanId add(const Span& span);
  /// Children end before their parents, so a parent is often told afterwards. Requires: ids of this table.
  void set_parent(SpanId span, SpanId parent) { spans_[span.value - 1].parent = parent; }
  const Span& operator[](SpanId id) const { return spans_[id.value - 1]; }
  std::span<const Span> all() const { return spans_; }
  void set_limit(uint32_t limit) { limit_ = limit; }
  uint64_t refused() const { return refused_; }
  uint64_t size_bytes() const { return spans_.capacity() * sizeof(Span); }

 private:
  std::vector<Span> spans_;
  uint32_t limit_ = 50'000'000;
  uint64_t refused_ = 0;
};

}  // namespace oc::machine
