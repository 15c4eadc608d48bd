#pragma once

#include <cstdint>
#include <vector>

#include "source/record.h"
#include "source/run_scan.h"
#include "source/source.h"

namespace oc::source {

/// Puts the records of all runs in time order, up to a horizon.
///
///     runs     A: 1 4 7 | 9      heap by (time, order): A(1) B(2)
///              B: 2 3 8          take from A while its time < B's, then sift A down
///     horizon ------------^ 8    9 stays for the next round
///
/// Ties go to the run found first. A record older than one already delivered is delivered all the same
/// and counted by the caller. No allocation per record. The heap holds 24-byte nodes, not runs: with one
/// run per CPU the order changes at every second record, so this is the hot part.
class Merger {
 public:
  explicit Merger(const RecordClock& clock) : clock_(clock) {}

  /// What `classify` says of a record that need not be visited.
  static constexpr uint32_t kSkip = UINT32_MAX;

  /// Takes over the runs of `round`; cuts its spans and counts their records.
  void add(Round& round);

  /// Calls `visit(record, header, time, tag)` for records in order while their time <= horizon; `tag` is
  /// what `classify(record, header)` said. `visit` returns false to stop after that record. Records that
  /// are skipped take no part in the order. Returns true when stopped, false when no more.
  template <typename Classify, typename Visit>
  bool drain(base::Nanos horizon, Classify&& classify, Visit&& visit);

  /// The oldest time (not 0) that any run began with so far; 0 when there was none.
  base::Nanos oldest() const { return oldest_; }
  size_t run_count() const { return heap_.size(); }
  /// Lowers each entry, by stream, to the position from which that stream is still needed.
  void lower_to_needed(std::vector<uint64_t>& positions) const;

 private:
  struct Node {
    base::Nanos time;
    uint64_t order;
    uint32_t slot;  ///< in rests_
    uint32_t tag;   ///< of the run's next record; kUnclassified until it is looked at
  };
  /// What is left of a run. Its end has the position: nothing to add per record.
  struct Rest {
    const uint8_t* at;
    const uint8_t* end;
    uint64_t end_position;
    uint32_t stream;
  };
  static bool before(const Node& a, const Node& b) {
    return a.time < b.time || (a.time == b.time && a.order < b.order);
  }

  static constexpr uint32_t kUnclassified = UINT32_MAX - 1;

  void push(const Run& run);
  void pop();
  /// The smaller child of the root; requires two nodes or more.
  size_t second() const { return heap_.size() > 2 && before(heap_[2], heap_[1]) ? 2 : 1; }
  /// Puts what the root has become where it belongs; `child` is `second()`. By value: reading it back from
  /// the heap would wait for the store.
  void sift_root(Node node, size_t child);
  void sift_down(Node node, size_t at);

  const RecordClock& clock_;
  std::vector<Node> heap_;
  std::vector<Rest> rests_;  ///< by slot
  std::vector<uint32_t> free_slots_;
  std::vector<Run> scratch_;
  base::Nanos oldest_ = 0;
  uint64_t next_order_ = 1ull << 32;  // spans are cut here; a source numbers its runs from 0
};

inline void Merger::sift_root(Node node, size_t child) {
  if (!before(heap_[child], node)) {
    heap_[0] = node;
    return;
  }
  heap_[0] = heap_[child];
  if (2 * child + 1 >= heap_.size()) {
    heap_[child] = node;
  } else {
    sift_down(node, child);
  }
}

template <typename Classify, typename Visit>
bool Merger::drain(base::Nanos horizon, Classify&& classify, Visit&& visit) {
  while (!heap_.empty() && heap_.front().time <= horizon) {
    // The run stays on top until it passes the next one, or the horizon.
    Node& root = heap_.front();
    const size_t child = heap_.size() > 1 ? second() : 0;
    Node limit{horizon, UINT64_MAX, 0, 0};
    if (child != 0 && before(heap_[child], limit)) limit = heap_[child];
    const uint32_t slot = root.slot;
    Rest& rest = rests_[slot];
    const uint8_t* const end = rest.end;
    const uint8_t* at = rest.at;
    base::Nanos time = root.time;
    RecordHeader header = record_header(at);
    uint32_t tag = root.tag == kUnclassified ? classify(at, header) : root.tag;
    const uint64_t order = root.order;
    bool go_on = true;
    do {
      if (tag != kSkip) go_on = visit(at, header, time, tag);
      do {
        at += header.size_bytes;
        if (at >= end) break;
        header = record_header(at);
        tag = classify(at, header);
      } while (tag == kSkip);
      if (at >= end) break;
      time = clock_.time(at, header);
    } while (go_on && (time < limit.time || (time == limit.time && order < limit.order)));
    rest.at = at;
    const Node node{time, order, slot, tag};
    if (at >= end) {
      pop();
    } else if (child != 0) {
      sift_root(node, child);
    } else {
      root = node;
    }
    if (!go_on) return true;
  }
  return false;
}

}  // namespace oc::source
