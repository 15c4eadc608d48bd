#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "source/record.h"
#include "source/source.h"
#include "source/window.h"

namespace oc::source {

/// Kernel records that say what happened at one moment and change nothing for later ones: outside of the
/// window that matters nobody needs them. Losses are not among them: they are added up.
inline bool is_of_a_moment(uint32_t type) {
  constexpr uint64_t kTypes = 1ull << PERF_RECORD_SAMPLE | 1ull << PERF_RECORD_SWITCH |
                              1ull << PERF_RECORD_SWITCH_CPU_WIDE | 1ull << PERF_RECORD_READ |
                              1ull << PERF_RECORD_THROTTLE | 1ull << PERF_RECORD_UNTHROTTLE |
                              1ull << PERF_RECORD_AUX | 1ull << PERF_RECORD_ITRACE_START;
  return type < 64 && (kTypes >> type & 1) != 0;
}

/// Cuts records into runs of rising times.
///
///     time:  3 5 9 | 4 4 8 | 0 0 | 9 ...        records in the order they lie in memory
///     runs:  [---]   [---]   [-]   [-            untimed ones (0) are runs of their own
///
/// A ring is almost, not strictly, ascending (nested interrupts), and a round of a file holds one chunk
/// per CPU, so runs are few and long. Memory is in proportion to runs, never to records.
///
/// Records of a moment outside of `window` are counted, and their times move `newest`, but they are in no
/// run. What lies before the window is thereby read at the speed of memory.
class RunScan {
 public:
  RunScan(const RecordClock& clock, std::vector<Run>& runs, uint64_t& next_order,
          const Window& window = {})
      : clock_(clock),
        runs_(runs),
        next_order_(next_order),
        window_(window),
        one_time_end_(clock.one_time_end()) {}

  /// Takes samples from `at` on as long as each continues the open run and begins before `stop`; returns
  /// the first record that does not, for the caller to look at. The hot path: a dozen instructions a
  /// record. Requires: the bytes up to `end` are readable.
  const uint8_t* take_samples(const uint8_t* at, const uint8_t* stop, const uint8_t* end) {
    if (!window_.is_all()) at = pass_samples(at, stop, end);
    if (at != open_.end || last_ == 0 || last_ > window_.to) return at;
    const base::Nanos to = window_.to;
    const uint32_t one_time_end = one_time_end_;
    base::Nanos left = to - last_;  // of the window behind the last record
    uint64_t taken = 0;
    stop = std::min(stop, headers_end(at, end));
    while (at < stop) {
      const RecordHeader header = record_header(at);
      if (header.type != PERF_RECORD_SAMPLE || header.size_bytes < one_time_end ||
          header.size_bytes > static_cast<size_t>(end - at)) {
        break;
      }
      const auto time = base::load<base::Nanos>(at + one_time_end - sizeof(base::Nanos));
      // More is left when it is older; beyond the window, and for ~0, it wraps around; 0 is older than all.
      const base::Nanos left_behind = to - time;
      if (left_behind > left) break;
      left = left_behind;
      at += header.size_bytes;
      ++taken;
    }
    bytes_ += static_cast<uint64_t>(at - open_.end);
    records_ += taken;
    last_ = to - left;
    open_.end = at;
    return at;
  }

  /// Counts a record that `add` would leave out of the runs, so that it need not be kept; else false.
  bool pass(const uint8_t* record, const RecordHeader& header) {
    if (window_.is_all() || !is_left_out(header, clock_.time(record, header))) return false;
    add(record, header, 0, 0);
    return true;
  }

  /// Takes the next record in memory order, of a kernel type.
  void add(const uint8_t* record, const RecordHeader& header, uint64_t position, uint32_t stream) {
    const base::Nanos time = clock_.time(record, header);
    ++records_;
    bytes_ += header.size_bytes;
    if (is_left_out(header, time)) {
      if (time > newest_) newest_ = time;
      return;
    }
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

  /// Of all runs that were ended, and of what is in no run: the youngest time.
  base::Nanos newest() const { return newest_; }
  /// Of all records so far.
  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }

 private:
  /// From `at` on, where a header can begin that ends before `end`: before the result.
  static const uint8_t* headers_end(const uint8_t* at, const uint8_t* end) {
    const auto left = static_cast<size_t>(end - at);
    return left < sizeof(RecordHeader) ? at : end - (sizeof(RecordHeader) - 1);
  }

  bool is_left_out(const RecordHeader& header, base::Nanos time) const {
    return !window_.has(time) && is_of_a_moment(header.type);
  }

  /// Steps over samples outside of the window; returns the first record that is not one of them.
  const uint8_t* pass_samples(const uint8_t* at, const uint8_t* stop, const uint8_t* end) {
    const uint8_t* const begin = at;
    const Window window = window_;
    const uint32_t one_time_end = one_time_end_;
    base::Nanos newest = newest_;
    uint64_t passed = 0;
    stop = std::min(stop, headers_end(at, end));
    while (at < stop) {
      const RecordHeader header = record_header(at);
      if (header.type != PERF_RECORD_SAMPLE || header.size_bytes < one_time_end ||
          header.size_bytes > static_cast<size_t>(end - at)) {
        break;
      }
      const auto time = base::load<base::Nanos>(at + one_time_end - sizeof(base::Nanos));
      if (window.has(time) || time == ~0ull) break;
      newest = time > newest ? time : newest;
      at += header.size_bytes;
      ++passed;
    }
    bytes_ += static_cast<uint64_t>(at - begin);
    records_ += passed;
    newest_ = newest;
    return at;
  }

  const RecordClock& clock_;
  std::vector<Run>& runs_;
  uint64_t& next_order_;
  const Window window_;
  uint32_t one_time_end_;
  Run open_;
  base::Nanos last_ = 0;
  base::Nanos newest_ = 0;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace oc::source
