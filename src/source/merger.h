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
///              B: 2 3 8          take from A while its time < B's, then sift down
///     horizon ------------^ 8    9 stays for the next round
///
/// Ties go to the run found first. A record older than one already delivered is delivered all the same
/// and counted by the caller. No allocation per record.
class Merger {
 public:
  explicit Merger(const RecordClock& clock) : clock_(clock) {}

  /// Takes over the runs of `round` and cuts its spans.
  void add(const Round& round);

  /// Calls `visit(record, header, time)` for records in order while their time <= horizon.
  /// `visit` returns false to stop after that record. Returns true when stopped, false when no more.
  template <typename Visit>
  bool drain(base::Nanos horizon, Visit&& visit);

  bool empty() const { return heap_.empty(); }
  size_t run_count() const { return heap_.size(); }
  /// The lowest position of `stream` that is still needed; `otherwise` when none is.
  uint64_t lowest_position(uint32_t stream, uint64_t otherwise) const;

 private:
  static bool before(const Run& a, const Run& b) {
    return a.time != b.time ? a.time < b.time : a.order < b.order;
  }
  void push(const Run& run);
  void sift_down();

  const RecordClock& clock_;
  std::vector<Run> heap_;
  std::vector<Run> scratch_;
  uint64_t next_order_ = 1ull << 32;  // spans are cut here; a source numbers its runs from 0
};

template <typename Visit>
bool Merger::drain(base::Nanos horizon, Visit&& visit) {
  while (!heap_.empty() && heap_.front().time <= horizon) {
    Run& top = heap_.front();
    // The run stays on top until it passes the smaller of its two children, or the horizon.
    base::Nanos limit = horizon;
    uint64_t limit_order = UINT64_MAX;
    for (size_t child = 1; child < 3 && child < heap_.size(); ++child) {
      const Run& other = heap_[child];
      if (other.time < limit || (other.time == limit && other.order < limit_order)) {
        limit = other.time;
        limit_order = other.order;
      }
    }
    const uint8_t* at = top.at;
    const uint8_t* const end = top.end;
    base::Nanos time = top.time;
    RecordHeader header = record_header(at);
    bool go_on = true;
    bool more = true;
    do {
      go_on = visit(at, header, time);
      at += header.size_bytes;
      more = at < end;
      if (!more) break;
      header = record_header(at);
      time = clock_.time(at, header);
    } while (go_on && (time < limit || (time == limit && top.order < limit_order)));
    top.position += static_cast<uint64_t>(at - top.at);
    top.at = at;
    top.time = time;
    if (!more) {
      heap_.front() = heap_.back();
      heap_.pop_back();
    }
    sift_down();
    if (!go_on) return true;
  }
  return false;
}

}  // namespace oc::source
