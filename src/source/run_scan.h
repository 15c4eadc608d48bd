#pragma once

#include <cstdint>
#include <vector>

#include "source/record.h"
#include "source/source.h"

namespace oc::source {

/// Cuts records into runs of rising times.
///
///     time:  3 5 9 | 4 4 8 | 0 0 | 9 ...        records in the order they lie in memory
///     runs:  [---]   [---]   [-]   [-            untimed ones (0) are runs of their own
///
/// A ring is almost, not strictly, ascending (nested interrupts), and a round of a file holds one chunk
/// per CPU, so runs are few and long. Memory is in proportion to runs, never to records.
class RunScan {
 public:
  RunScan(const RecordClock& clock, std::vector<Run>& runs, uint64_t& next_order)
      : clock_(clock), runs_(runs), next_order_(next_order), one_time_end_(clock.one_time_end()) {}

  /// Takes samples from `at` on as long as each continues the open run and begins before `stop`; returns
  /// the first record that does not, for the caller to look at. The hot path: a dozen instructions a
  /// record. Requires: the bytes up to `end` are readable.
  const uint8_t* take_samples(const uint8_t* at, const uint8_t* stop, const uint8_t* end) {
    if (at != open_.end || last_ == 0) return at;
    base::Nanos last = last_;
    uint64_t taken = 0;
    while (at < stop && static_cast<size_t>(end - at) >= sizeof(RecordHeader)) {
      const RecordHeader header = record_header(at);
      if (header.type != PERF_RECORD_SAMPLE || header.size_bytes < one_time_end_ ||
          header.size_bytes > static_cast<size_t>(end - at)) {
        break;
      }
      const auto time = base::load<base::Nanos>(at + one_time_end_ - sizeof(base::Nanos));
      if (time < last || time == ~0ull) break;  // older, or untimed (0 or ~0): `last` is not 0
      last = time;
      at += header.size_bytes;
      ++taken;
    }
    bytes_ += static_cast<uint64_t>(at - open_.end);
    records_ += taken;
    last_ = last;
    open_.end = at;
    return at;
  }

  /// Takes the next record in memory order, of a kernel type.
  void add(const uint8_t* record, const RecordHeader& header, uint64_t position, uint32_t stream) {
    const base::Nanos time = clock_.time(record, header);
    ++records_;
    bytes_ += header.size_bytes;
    const bool continues = record == open_.end && time >= last_ && (time != 0) == (last_ != 0);
    if (!continues) {
      cut();
      open_ = Run{record, nullptr, time, position, next_order_++, stream};
    }
    last_ = time;
    open_.end = record + header.size_bytes;
  }

  /// Ends the open run: call after the last record, or before one that must not continue it.
  void cut() {
    if (open_.at == nullptr) return;
    if (last_ > newest_) newest_ = last_;
    runs_.push_back(open_);
    open_ = Run{};
  }

  /// Of all runs that were ended: the youngest time.
  base::Nanos newest() const { return newest_; }
  /// Of all records so far.
  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const RecordClock& clock_;
  std::vector<Run>& runs_;
  uint64_t& next_order_;
  uint32_t one_time_end_;
  Run open_;
  base::Nanos last_ = 0;
  base::Nanos newest_ = 0;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace oc::source
