#include "format/time_order.h"

#include <string>
#include <string_view>

#include "base/glob.h"

namespace oc::format {

namespace {

using machine::Filter;
using machine::Machine;
using machine::Span;

bool is_named(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern == name || base::glob_matches(pattern, std::string(name));
  });
}

bool has(const std::vector<int32_t>& list, int32_t value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool is_of_threads(const Machine& machine, const Filter& filter, const Span& span) {
  if (filter.pids.empty() && filter.tids.empty() && filter.comms.empty() && filter.cgroups.empty())
    return true;
  if (!span.context) return false;
  const machine::Context& context = machine.processes.context(span.context);
  const machine::Process& process = machine.processes.process_of(span.context);
  return has(filter.pids, process.pid) &&
         has(filter.tids, machine.processes.thread(context.thread).tid) &&
         (filter.comms.empty() || is_named(filter.comms, machine.text(context.comm)) ||
          is_named(filter.comms, machine.text(process.comm))) &&
         (filter.cgroups.empty() || is_named(filter.cgroups, machine.text(process.cgroup)));
}

bool is_of_kinds(const Machine& machine, const Filter& filter, const Span& span) {
  if (filter.kinds.empty()) return true;
  if (!span.kind) return false;
  const machine::Kind& kind = machine.kind(span.kind);
  return is_named(filter.kinds, machine.text(kind.name)) ||
         (kind.group && is_named(filter.kinds, machine.text(kind.group)));
}

}  // namespace

std::vector<machine::SpanId> chosen_spans(const machine::Selection& selection) {
  const Machine& machine = selection.machine();
  const Filter& filter = selection.filter();
  std::vector<machine::SpanId> chosen;
  uint32_t id = 0;
  for (const Span& span : machine.spans.all()) {
    ++id;
    if (span.start >= filter.until || span.end < filter.from) continue;
    if (is_of_kinds(machine, filter, span) && is_of_threads(machine, filter, span)) {
      chosen.push_back({id});
    }
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](machine::SpanId a, machine::SpanId b) {
    const Span &left = machine.spans[a], &right = machine.spans[b];
    return left.start != right.start ? left.start < right.start : left.end > right.end;
  });
  return chosen;
}

}  // namespace oc::format
