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
  if (!kind.is_of_everyone) return is_chosen(own.pid, own.tid, event.cpu);
  mark(kind, own, event);
  return true;
}

/// Whose event it is. A thread that was reaped already leaves the CPU as -1: who it was is in the payload alone.
Decoder::Task Decoder::task_of(const Kind& kind, const oc_event& event) {
  if (event.tid >= 0 || kind.leaving == kAbsent) return {event.pid, event.tid};
  const auto tid = load<int32_t>(event.payload + kind.leaving);
  return {event.pid >= 0 ? event.pid : processes_.find_or_add(-1, tid).pid, tid};
}

/// Says of an event that is delivered in any case whom it concerns.
void Decoder::mark(const Kind& kind, const Task& own, oc_event& event) {
  if (!is_chosen(own.pid, own.tid, event.cpu)) event.reserved |= kOfOthers;
  if (kind.other == kAbsent || !selection_.tasks.selects()) return;
  const auto tid = load<int32_t>(event.payload + kind.other);
  // The process is not told: that is who the model knows it to be.
  const bool is_in = tid > 0 && selection_.tasks.admits(processes_.find_or_add(-1, tid).pid, tid,
                                                        processes_, processes_.names());
  if (!is_in) event.reserved |= kAboutOthers;
}

/// Whether the target has an event's thread and CPU.
bool Decoder::is_chosen(int32_t pid, int32_t tid, int32_t cpu) {
  const auto& cpus = selection_.cpus;
  if (!cpus.empty() && std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) return false;
  return !selection_.tasks.selects() ||
         selection_.tasks.admits(pid, tid, processes_, processes_.names());
}

}  // namespace oc::session
