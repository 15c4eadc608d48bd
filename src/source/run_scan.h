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
      : clock_(clock), runs_(runs), next_order_(next_order) {}

  /// Takes the next record in memory order, of a kernel type.
  void add(const uint8_t* record, const RecordHeader& header, uint64_t position, uint32_t stream) {
    const base::Nanos time = clock_.time(record, header);
    ++records_;
    bytes_ += header.size_bytes;
    const bool continues = record == open_.end && time >= last_ && (time != 0) == (last_ != 0);
    last_ = time;
    if (time > newest_) newest_ = time;
    if (!continues) {
      cut();
      open_ = Run{record, nullptr, time, position, next_order_++, stream};
    }
    open_.end = record + header.size_bytes;
  }

  /// Ends the open run: call after the last record, or before one that must not continue it.
  void cut() {
    if (open_.at == nullptr) return;
    runs_.push_back(open_);
    open_ = Run{};
  }

  /// Of all records so far.
  base::Nanos newest() const { return newest_; }
  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const RecordClock& clock_;
  std::vector<Run>& runs_;
  uint64_t& next_order_;
  Run open_;
  base::Nanos last_ = 0;
  base::Nanos newest_ = 0;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace oc::source
