// Decoder's part that says which events the target has, where its source has more than those.

#include <algorithm>

#include "base/bytes.h"
#include "session/decoder.h"
#include "session/other_thread.h"

namespace oc::session {

using base::load;
using event::kAbsent;

/// The questions that most runs need not ask of each sample; out of line, so that they cost the others nothing.
bool Decoder::is_admitted(const Kind& kind, oc_event& event, bool is_whole) {
  if (!kind.keep_own && event.pid == selection_.own_pid) {
    ++counts_.own;
    return false;
  }
  if (!is_whole) {
    ++counts_.malformed;
    return false;
  }
  if (kind.is_handed_over && !is_of_its_time(event)) return false;
  if (!kind.is_chosen) return true;
  const Task own = task_of(kind, event);
  if (!kind.is_of_everyone) return marks_of(own, event.cpu) == 0;
  event.reserved |= marks_of(own, event.cpu) | marks_of_other(kind, event);
  return true;
}

/// Whose event it is. A thread that was reaped already leaves the CPU as -1: who it was is in the payload alone.
Decoder::Task Decoder::task_of(const Kind& kind, const oc_event& event) {
  if (event.tid >= 0 || kind.leaving == kAbsent) return {event.pid, event.tid};
  const auto tid = load<int32_t>(event.payload + kind.leaving);
  return {event.pid >= 0 ? event.pid : processes_.find_or_add(-1, tid).pid, tid};
}

/// What the target does not have of an event; 0: it is in.
uint32_t Decoder::marks_of(const Task& task, int32_t cpu) {
  const auto& cpus = selection_.cpus;
  const bool is_here = cpus.empty() || std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
  const bool is_its = !selection_.tasks.selects() ||
                      selection_.tasks.admits(task.pid, task.tid, processes_, processes_.names());
  return (is_here ? 0 : kElsewhere) | (is_its ? 0 : kOfOthers);
}

/// The same of the thread that its payload names.
uint32_t Decoder::marks_of_other(const Kind& kind, const oc_event& event) {
  if (kind.other == kAbsent || !selection_.tasks.selects()) return 0;
  const auto tid = load<int32_t>(event.payload + kind.other);
  // The process is not told: that is who the model knows it to be.
  const bool is_in = tid > 0 && selection_.tasks.admits(processes_.find_or_add(-1, tid).pid, tid,
                                                        processes_, processes_.names());
  return is_in ? 0 : kAboutOthers;
}

}  // namespace oc::session
