#include "machine/span_table.h"

namespace oc::machine {

SpanId SpanTable::add(const Span& span) {
  if (spans_.size() >= limit_ || dropped_ + spans_.size() >= UINT32_MAX - 1) {
    ++refused_;
    return {};
  }
  Span& added = spans_.emplace_back(span);
  if (!has(added.parent) || at(added.parent) + 1 == spans_.size()) added.parent = {};
  if (added.end < added.start) added.end = added.start;
  return id_of(spans_.size() - 1);
}

void SpanTable::drop_oldest(size_t count) {
  spans_.erase(spans_.begin(), spans_.begin() + static_cast<ptrdiff_t>(count));
  dropped_ += static_cast<uint32_t>(count);
  for (Span& span : spans_) {
    if (!has(span.parent)) span.parent = {};
  }
}

void SpanTable::renumber_contexts(std::span<const uint32_t> ids) {
  for (Span& span : spans_) span.context = {ids[span.context.value]};
}

}  // namespace oc::machine
