#include "session/record_selection.h"

#include "base/bytes.h"

namespace oc::session {

using base::load;
using source::RecordHeader;

RecordSelection::RecordSelection(const event::EventTable& events, const perf::Target& target,
                                 bool tasks_too)
    : clock_(events),
      processes_(names_),
      tasks_(tasks_too ? target.pids : std::vector<int32_t>{},
             tasks_too ? target.tids : std::vector<int32_t>{}, target.comms) {}

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

/// What is no sample concerns its CPU (LOST, THROTTLE) or both threads of a switch.
bool RecordSelection::is_chosen(const uint8_t* record, const RecordHeader& header) {
  if (header.type != PERF_RECORD_SAMPLE) return true;
  const uint32_t kind = clock_.kind_of_sample(record, header.size_bytes);
  if (kind == event::EventTable::kUnknown) return true;
  const uint16_t at = clock_.events()[kind].layout.tid;
  if (at == event::kAbsent) return true;
  const auto pid = load<int32_t>(record + at);
  const auto tid = load<int32_t>(record + at + 4);
  return kept_tids_.count(tid) != 0 || kept_pids_.count(pid) != 0 ||
         tasks_.admits(pid, tid, processes_, names_);
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
