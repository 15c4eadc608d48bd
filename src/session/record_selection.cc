#include "session/record_selection.h"

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
    woken_at_.push_back(woken_thread_at(events[kind]));
}

/// Remembers a thread that is chosen now, whatever becomes of it later in the round.
void RecordSelection::note(int32_t pid, int32_t tid) {
  if (!tasks_.admits(pid, tid, processes_, names_)) return;
  kept_tids_.insert(tid);
  if (pid == tid) kept_pids_.insert(pid);
}

void RecordSelection::learn(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const RecordHeader header = source::record_header(record);
    const uint8_t* const body = record + sizeof header;
    const auto word = [&](size_t at) { return load<int32_t>(body + at); };
    if (header.type == PERF_RECORD_COMM && header.size_bytes >= 17) {
      note(word(0), word(4));
      if ((header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0) tasks_.exec(word(0));
      processes_.comm(word(0), word(4),
                      base::bounded_text(body + 8, header.size_bytes - sizeof header - 8));
      note(word(0), word(4));
    } else if (header.type == PERF_RECORD_FORK && header.size_bytes >= 32) {
      processes_.fork(word(0), word(8), word(4), word(12));
      tasks_.fork(word(0), word(8), word(4));
      note(word(0), word(8));
    }
    record += header.size_bytes;
  }
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

/// A wake-up happens in the context of whoever wakes, also of the idle task.
bool RecordSelection::wakes_chosen(uint32_t kind, const uint8_t* record,
                                   const RecordHeader& header) {
  const uint16_t at = woken_at_[kind];
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
  return is_of_chosen(load<int32_t>(record + at), load<int32_t>(record + at + 4)) ||
         wakes_chosen(kind, record, header);
}

source::Span RecordSelection::choose_of(const source::Span& span) {
  auto& bytes = kept_.emplace_back();
  const uint8_t* run = span.begin;  // of records that are kept
  const uint8_t* record = span.begin;
  while (record < span.end) {
    const RecordHeader header = source::record_header(record);
    const uint8_t* const next = record + header.size_bytes;
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
