#include "machine/span_table.h"

namespace oc::machine {

SpanId SpanTable::add(const Span& span) {
  if (spans_.size() >= limit_) {
    ++refused_;
    return {};
  }
  Span& added = spans_.emplace_back(span);
  if (added.parent.value >= spans_.size()) added.parent = {};
  if (added.end < added.start) added.end = added.start;
  return {static_cast<uint32_t>(spans_.size())};
}

}  // namespace oc::machine
