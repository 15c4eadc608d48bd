#include "session/record_selection.h"

#include <algorithm>

#include "base/bytes.h"
#include "event/sample_tail.h"
#include "session/other_thread.h"

namespace oc::session {

using base::load;
using source::RecordHeader;

RecordSelection::RecordSelection(const event::EventTable& events, const perf::Target& target,
                                 bool tasks_too, int32_t command)
    : clock_(events),
      processes_(names_),
      tasks_(tasks_too ? target.pids : std::vector<int32_t>{},
             tasks_too ? target.tids : std::vector<int32_t>{}, target.comms) {
  if (tasks_too && command != 0) tasks_.await_exec(command);
  for (uint32_t kind = 0; kind < events.size(); ++kind)
    places_.push_back({woken_thread_at(events[kind]), leaving_thread_at(events[kind])});
}

void RecordSelection::keep(int32_t pid, int32_t tid) {
  kept_tids_.insert(tid);
  if (pid == tid) kept_pids_.insert(pid);
}

/// Remembers a thread that is chosen now, whatever becomes of it later in the round.
void RecordSelection::note(int32_t pid, int32_t tid) {
  if (tasks_.admits(pid, tid, processes_, names_)) keep(pid, tid);
}

void RecordSelection::learn(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const RecordHeader header = source::record_header(record);
    const uint8_t* const body = record + sizeof header;
    const auto word = [&](size_t at) { return load<int32_t>(body + at); };
    Change change;
    change.time = clock_.time(record, header);
    newest_ = std::max(newest_, change.time);
    change.is_fork = header.type == PERF_RECORD_FORK && header.size_bytes >= 32;
    if (change.is_fork) {
      change.pid = word(0), change.parent_pid = word(4);
      change.tid = word(8), change.parent_tid = word(12);
      changes_.push_back(change);
    } else if (header.type == PERF_RECORD_COMM && header.size_bytes >= 17) {
      change.pid = word(0), change.tid = word(4);
      change.is_exec = (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0;
      change.comm =
          names_.intern(base::bounded_text(body + 8, header.size_bytes - sizeof header - 8));
      changes_.push_back(change);
    }
    record += header.size_bytes;
  }
}

/// Tells `processes_` of the changes that no older one can come before.
void RecordSelection::settle() {
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
  auto next = changes_.begin();
  for (; next != changes_.end() && next->time <= settled_; ++next) apply(*next);
  changes_.erase(changes_.begin(), next);
  for (const Change& change : changes_) foresee(change);
}

void RecordSelection::apply(const Change& change) {
  if (change.is_fork) {
    processes_.fork(change.pid, change.tid, change.parent_pid, change.parent_tid);
    tasks_.fork(change.pid, change.tid, change.parent_pid);
  } else {
    note(change.pid, change.tid);
    if (change.is_exec) tasks_.exec(change.pid);
    processes_.comm(change.pid, change.tid, names_.text(change.comm));
  }
  note(change.pid, change.tid);
}

/// Keeps whoever this may choose.
void RecordSelection::foresee(const Change& change) {
  const bool is_kept = change.is_fork
                           ? is_of_chosen(change.parent_pid, change.parent_tid)
                           : tasks_.may_choose(change.pid, change.is_exec, change.comm, names_);
  if (is_kept) keep(change.pid, change.tid);
}

bool RecordSelection::is_of_chosen(int32_t pid, int32_t tid) {
  return kept_tids_.count(tid) != 0 || kept_pids_.count(pid) != 0 ||
         tasks_.admits(pid, tid, processes_, names_);
}

/// A SWITCH record: who leaves or comes is in its trailer.
bool RecordSelection::is_chosen_switch(const uint8_t* record, const RecordHeader& header) {
  const uint32_t kind = clock_.kind_of_trailer(record, header.size_bytes);
  if (kind == event::EventTable::kUnknown) return true;
  const auto& layout = clock_.events()[kind].layout;
  if (layout.trailer_tid == event::kAbsent) return true;
  const uint8_t* const ids = record + header.size_bytes - layout.trailer_size + layout.trailer_tid;
  return is_of_chosen(load<int32_t>(ids), load<int32_t>(ids + 4));
}

/// The thread that a sample's payload names at `at`, chosen or not; false when there is none.
bool RecordSelection::names_chosen(uint16_t at, uint32_t kind, const uint8_t* record,
                                   const RecordHeader& header) {
  if (at == event::kAbsent) return false;
  const auto tail = event::read_tail(clock_.events()[kind].layout, record, header.size_bytes);
  if (tail.raw.size() < at + sizeof(int32_t)) return false;
  const auto tid = load<int32_t>(tail.raw.data() + at);
  return tid > 0 && is_of_chosen(processes_.find_or_add(-1, tid).pid, tid);
}

/// What is neither sample nor switch concerns its CPU (LOST, THROTTLE).
bool RecordSelection::is_chosen(const uint8_t* record, const RecordHeader& header) {
  if (header.type == PERF_RECORD_SWITCH || header.type == PERF_RECORD_SWITCH_CPU_WIDE)
    return is_chosen_switch(record, header);
  if (header.type != PERF_RECORD_SAMPLE) return true;
  const uint32_t kind = clock_.kind_of_sample(record, header.size_bytes);
  if (kind == event::EventTable::kUnknown) return true;
  const uint16_t at = clock_.events()[kind].layout.tid;
  if (at == event::kAbsent) return true;
  const auto tid = load<int32_t>(record + at + 4);
  if (is_of_chosen(load<int32_t>(record + at), tid)) return true;
  // A thread that was reaped already leaves the CPU as -1; a wake-up happens in the context of whoever wakes.
  return names_chosen(tid < 0 ? places_[kind].leaving : places_[kind].woken, kind, record, header);
}

source::Span RecordSelection::choose_of(const source::Span& span) {
  auto& bytes = kept_.emplace_back();
  const uint8_t* run = span.begin;  // of records that are kept
  const uint8_t* record = span.begin;
  while (record < span.end) {
    const RecordHeader header = source::record_header(record);
    const uint8_t* const next = record + header.size_bytes;
    if (next >= span.end) newest_ = std::max(newest_, clock_.time(record, header));
    if (!is_chosen(record, header)) {
      bytes.insert(bytes.end(), run, record);
      run = next;
    }
    record = next;
  }
  bytes.insert(bytes.end(), run, record);
  source::Span kept = span;
  kept.begin = bytes.data();
  kept.end = bytes.data() + bytes.size();
  return kept;
}

}  // namespace oc::session
