#pragma once

#include <cstdint>
#include <deque>
#include <unordered_set>
#include <vector>

#include "base/interner.h"
#include "event/event_table.h"
#include "perf/target.h"
#include "process/process_model.h"
#include "session/task_selection.h"
#include "source/record.h"
#include "source/source.h"
#include "sys/proc.h"

namespace oc::session {

/// Leaves out of a recording the samples of threads that nobody asked for, where the kernel gives those of all.
///
///     round:  sideband rings ─> names change ─┐
///             data rings ─> samples ──────────┴─> of a thread that was chosen at any moment of the round: kept
///
/// So a few samples around a change of name may be too many, never too few: sideband is emptied after the data, so
/// what a sample's thread was called then is known. Choosing again when reading is exact. Sideband records are all
/// kept: they are names. Of switches those of the thread that leaves or comes; a wake-up also where the one woken is
/// chosen.
///
/// The rings are emptied one after the other, so a thread's exec may come before the fork that made it. What is newer
/// than all that the round before had waits for the next one, and until then only adds to what is kept; what is older
/// has come from every ring, and changes names in order of time.
///
/// Memory: one round of kept samples, the changes of two. One thread.
class RecordSelection {
 public:
  /// `tasks_too`: the processes and threads of the target, or the `command` from its exec on, are not chosen by the
  /// kernel either.
  RecordSelection(const event::EventTable& events, const perf::Target& target, bool tasks_too,
                  int32_t command = 0);

  /// A thread that ran before the events did.
  void rundown(const sys::ThreadInfo& thread) {
    processes_.rundown(thread.pid, thread.tid, thread.comm);
  }

  /// Learns from the sideband spans, then replaces the data spans by what is kept of them. Lent: until the next call.
  template <typename IsSideband>
  void choose(std::vector<source::Span>& spans, const IsSideband& is_sideband) {
    kept_tids_.clear();
    kept_pids_.clear();
    kept_.clear();
    for (const source::Span& span : spans) {
      if (is_sideband(span.stream)) learn(span);
    }
    settle();
    for (source::Span& span : spans) {
      if (!is_sideband(span.stream)) span = choose_of(span);
    }
    settled_ = newest_;
  }

 private:
  /// Where a payload names a thread: whom it wakes, who leaves the CPU.
  struct Places {
    uint16_t woken;
    uint16_t leaving;
  };

  /// A COMM or FORK record.
  struct Change {
    base::Nanos time = 0;
    bool is_fork = false;
    bool is_exec = false;
    int32_t pid = 0;
    int32_t tid = 0;
    int32_t parent_pid = 0;
    int32_t parent_tid = 0;
    base::StringId comm;
  };

  void learn(const source::Span& span);
  void settle();
  void apply(const Change& change);
  void foresee(const Change& change);
  void keep(int32_t pid, int32_t tid);
  void note(int32_t pid, int32_t tid);
  bool is_chosen(const uint8_t* record, const source::RecordHeader& header);
  bool is_of_chosen(int32_t pid, int32_t tid);
  bool is_chosen_switch(const uint8_t* record, const source::RecordHeader& header);
  bool names_chosen(uint16_t at, uint32_t kind, const uint8_t* record,
                    const source::RecordHeader& header);
  source::Span choose_of(const source::Span& span);

  source::RecordClock clock_;
  base::Interner names_;
  process::ProcessModel processes_;
  TaskSelection tasks_;
  std::vector<Change> changes_;  // that `processes_` does not know of yet
  base::Nanos newest_ = 0;       // of all records so far
  base::Nanos settled_ = 0;      // of all before the round at hand: no ring has more that is older
  std::vector<Places> places_;   // by kind
  std::unordered_set<int32_t> kept_tids_;  // chosen at some moment of this round
  std::unordered_set<int32_t> kept_pids_;
  std::deque<std::vector<uint8_t>> kept_;  // bytes, by span
};

}  // namespace oc::session
