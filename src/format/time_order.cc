#include "format/time_order.h"

namespace oc::format {

std::vector<machine::SpanId> chosen_spans(const machine::Selection& selection) {
  const machine::Machine& machine = selection.machine();
  std::vector<machine::SpanId> chosen;
  const auto& spans = machine.spans.all();
  for (size_t i = 0; i < spans.size(); ++i) {
    if (selection.takes(spans[i])) chosen.push_back(machine.spans.id_of(i));
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](machine::SpanId a, machine::SpanId b) {
    const machine::Span &left = machine.spans[a], &right = machine.spans[b];
    return left.start != right.start ? left.start < right.start : left.end > right.end;
  });
  return chosen;
}

}  // namespace oc::format
