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
    if (time > newest_) newest_ = time;
    const bool continues = record == open_end_ && ((time == 0) == (last_ == 0)) && time >= last_;
    last_ = time;
    open_end_ = record + header.size_bytes;
    if (continues) {
      runs_.back().end = open_end_;
      return;
    }
    runs_.push_back(Run{record, open_end_, time, position, next_order_++, stream});
  }

  /// The next record starts a new run whatever its time.
  void cut() { open_end_ = nullptr; }
  /// The youngest time seen.
  base::Nanos newest() const { return newest_; }

 private:
  const RecordClock& clock_;
  std::vector<Run>& runs_;
  uint64_t& next_order_;
  const uint8_t* open_end_ = nullptr;
  base::Nanos last_ = 0;
  base::Nanos newest_ = 0;
};

}  // namespace oc::source
