#include "format/span_tracks.h"

#include <algorithm>

namespace oc::format {

std::vector<TrackSpan> nest_spans(const machine::Selection& selection) {
  const machine::Machine& machine = selection.machine();
  std::vector<TrackSpan> tracks;
  const auto& spans = machine.spans.all();
  for (size_t i = 0; i < spans.size(); ++i) {
    if (selection.takes(spans[i])) tracks.push_back({machine.spans.id_of(i)});
  }
  const auto thread_of = [&](const machine::Span& span) {
    return span.context ? machine.processes.context(span.context).thread.value : 0;
  };
  // Of equal ones the parent, which ends and is added later.
  std::sort(tracks.begin(), tracks.end(), [&](const TrackSpan& a, const TrackSpan& b) {
    const machine::Span &left = machine.spans[a.span], &right = machine.spans[b.span];
    const uint32_t mine = thread_of(left), others = thread_of(right);
    if (mine != others) return mine < others;
    if (left.start != right.start) return left.start < right.start;
    if (left.end != right.end) return left.end > right.end;
    return a.span.value > b.span.value;
  });
  std::vector<int64_t> ends;  // of those that are open
  uint32_t thread = 0;
  for (TrackSpan& track : tracks) {
    const machine::Span& span = machine.spans[track.span];
    if (thread_of(span) != thread) ends.clear();
    thread = thread_of(span);
    while (!ends.empty() && ends.back() <= span.start) ends.pop_back();
    track.is_nested = thread != 0 && (ends.empty() || span.end <= ends.back());
    if (track.is_nested) ends.push_back(span.end);
  }
  return tracks;
}

}  // namespace oc::format
