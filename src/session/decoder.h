#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "event/kernel_record.h"
#include "session/batch.h"
#include "session/hand_over.h"
#include "session/loss_count.h"
#include "session/selection.h"
#include "session/trace_model.h"
#include "source/merger.h"
#include "source/source.h"

namespace oc::session {

/// Turns a source's records into batches of descriptors: order, which event, who ran under which name.
///
///     source --rounds--> Merger --records--> process model (comm, fork, exit)
///                                      \---> descriptors of wanted kinds --> batch
///
/// Of what lies before the window only what the model needs is looked at; once nothing in it can follow the
/// run is over.
///
/// Runs on one thread, maybe ahead of the script: descriptors carry ids that were right when the event
/// happened. Per record: no allocation, no lock; a LOST record takes one.
class Decoder {
 public:
  Decoder(source::Source& source, TraceModel& model, Selection selection);

  /// Fills `batch` until it is full, the source has nothing now (live), or the end. Gives back to the
  /// source what earlier batches pointed into. Waits at most `wait` for something to arrive.
  base::Status fill(std::chrono::milliseconds wait, Batch& batch);

  // While the run goes on, on the thread that fills.
  /// The source's table has more kinds or ids, or others are wanted: what is decoded from now on goes by that. `wanted`,
  /// `keep_own` and `unchosen` of `changed` count.
  void change(Selection changed);
  /// Samples of a kind: before `at` those with the ids `older` are told, from then on those with `newer`, which wrote
  /// from `from` on.
  void hand_over(uint32_t kind, base::Nanos from, base::Nanos at,
                 const std::vector<uint64_t>& older, const std::vector<uint64_t>& newer);

  /// Lost records by CPU (-1: unknown). Any thread.
  std::map<int32_t, uint64_t> lost_by_cpu() const { return losses_.by_cpu(); }
  /// The same by event, where the trace tells. Any thread.
  std::vector<source::Loss> losses() const { return losses_.losses(); }

  base::Nanos start() const { return selection_.start; }

 private:
  struct Kind;  // the hot part of a layout
  struct Task {
    int32_t pid;
    int32_t tid;
  };
  struct Classify;

  static constexpr uint32_t kRecord = event::EventTable::kUnknown + 1;

  void learn_kinds();
  Kind make_kind(uint32_t index) const;
  void end_hand_overs();
  bool drain(Batch& batch);
  template <bool kBuildsStacks>
  bool drain_into(Batch& batch);
  bool pass_before_window(Batch& batch);
  bool owns_timeless() const;
  void place_window();
  base::Nanos horizon() const { return is_last_ ? UINT64_MAX : horizon_; }
  bool starts_late() const { return window_.from != 0; }
  void make_tags();
  void find_skipped_types();
  uint32_t wanted_or_skip(uint32_t index) const;
  uint32_t classify_slowly(const uint8_t* record, const source::RecordHeader& header) const;
  // These fill `event` but for its time; false when there is nothing to deliver.
  bool sample(const uint8_t* record, const source::RecordHeader& header, uint32_t kind,
              oc_event& event);
  bool other(const uint8_t* record, const source::RecordHeader& header, uint32_t kind,
             oc_event& event);
  uint16_t misc_of(const uint8_t* record, const source::RecordHeader& header) const;
  bool kernel_record(const uint8_t* record, const source::RecordHeader& header, oc_event& event);
  void apply_only(const uint8_t* record, const source::RecordHeader& header);
  void place_side_records(Batch& batch, uint32_t before);
  void keep_side_record(const uint8_t* record, const source::RecordHeader& header);
  void apply(int record_kind, const uint8_t* body, uint32_t size_bytes, int32_t cpu,
             oc_event& event);
  bool place_payload(const Kind& kind, const uint8_t* record, uint32_t size_bytes,
                     oc_event& event) const;
  bool place_odd_payload(const Kind& kind, const uint8_t* record, uint32_t size_bytes,
                         oc_event& event) const;
  void name_thread(int32_t pid, int32_t tid, oc_event& event);
  bool is_of_its_time(const oc_event& event);
  bool is_admitted(const Kind& kind, oc_event& event, bool is_whole);
  Task task_of(const Kind& kind, const oc_event& event);
  uint32_t marks_of(const Task& task, int32_t cpu);
  uint32_t marks_of_other(const Kind& kind, const oc_event& event);
  bool count_late(const uint8_t* record, const source::RecordHeader& header, base::Nanos time);
  void take_over_round();
  double until() const;
  void give_back();
  void count_lost(const uint8_t* record, int32_t cpu, uint64_t records);
  void count_lost_samples(const oc_event& event, uint64_t records);

  source::Source& source_;
  TraceModel& model_;
  StackBuilder* stacks_;              ///< the model's; null: nobody asked for stacks
  process::ProcessModel& processes_;  ///< of the model
  Selection selection_;
  source::RecordClock clock_;
  source::Merger merger_;
  source::Round round_;
  std::vector<uint64_t> handed_;      ///< by stream: the position up to which spans were taken over
  std::vector<const uint8_t*> side_;  ///< those not yet in the batch
  std::deque<std::vector<uint64_t>> needed_before_;  ///< by batch, the oldest first
  std::vector<uint64_t> needed_;  ///< by stream: the position before which all may be given back
  base::Nanos horizon_ = 0;
  base::Nanos newest_ = 0;    ///< of records visited
  source::Window window_;     ///< nothing outside is delivered
  bool is_placed_ = false;    ///< where it lies is known
  bool is_beginning_ = true;  ///< nothing came yet since it is known
  bool is_last_ = false;
  bool past_end_ = false;  ///< max_events or max_span reached
  Counts counts_;
  std::vector<Kind> kinds_;
  bool has_build_ids_ = false;  ///< MMAP2 records may have them
  bool chooses_ = false;        ///< by task or CPU, of all kinds
  LossCount losses_;

  struct Kind {
    uint16_t tid;
    uint16_t cpu;
    uint16_t raw;
    uint16_t tail;
    uint32_t min_payload;
    bool has_raw;
    bool keep_own;
    bool is_questioned;   ///< see is_admitted
    bool is_chosen;       ///< by task or CPU
    bool is_handed_over;  ///< ids have a time
    bool is_wanted;
    bool is_of_everyone;
    uint16_t other;    ///< where the payload names another thread
    uint16_t leaving;  ///< and where its own, once more
  };
  HandOvers hand_overs_;
  bool is_behind_ = false;  ///< the last fill left records that are due

  /// What the ids of samples mean to the merge, in one load.
  struct Tag {
    uint32_t kind;  ///< kSkip for those that nobody wants
    uint32_t tail;  ///< a sample of this kind is at least so long
  };
  std::vector<Tag> tags_;  ///< by id - first id
  uint64_t first_id_ = 0;
  uint32_t id_end_ = 0;
  bool wants_moments_ = false;  ///< a sample or another record of a moment (run_scan.h)
  uint64_t skipped_types_ =
      0;  ///< by record type: nobody wants them, and the model does not need them
};

inline void Decoder::place_side_records(Batch& batch, uint32_t before) {
  for (const uint8_t* record : side_) batch.side.push_back({record, before});
  side_.clear();
}

inline void Decoder::name_thread(int32_t pid, int32_t tid, oc_event& event) {
  if (tid < 0) {  // a thread that was reaped already, or nobody recorded which
    event.comm = processes_.find_or_add(-1, -1).comm.value;  // ":-1", as perf says
    event.thread = 0;
    return;
  }
  const process::Thread& thread = processes_.find_or_add(pid, tid);
  event.comm = thread.comm.value;
  event.thread = thread.id;
}

}  // namespace oc::session
