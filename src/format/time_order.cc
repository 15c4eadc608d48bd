#include "format/time_order.h"

namespace oc::format {

std::vector<machine::SpanId> chosen_spans(const machine::Selection& selection) {
  const machine::Machine& machine = selection.machine();
  std::vector<machine::SpanId> chosen;
  uint32_t id = 0;
  for (const machine::Span& span : machine.spans.all()) {
    ++id;
    if (selection.takes(span)) chosen.push_back({id});
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](machine::SpanId a, machine::SpanId b) {
    const machine::Span &left = machine.spans[a], &right = machine.spans[b];
    return left.start != right.start ? left.start < right.start : left.end > right.end;
  });
  return chosen;
}

}  // namespace oc::format
