#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "session/batch.h"
#include "source/perf_data_writer.h"
#include "source/record.h"
#include "source/recorded_trace.h"
#include "source/trace_output.h"

namespace oc::session {

/// Writes a part of a recorded trace as a perf.data of its own: the events that it is given, as they are, and all that
/// tells what they mean.
///
///     batch:   side records  c m m f     c   x            as Selection::keeps_side_records has them
///              events         . e . . e . e . .           those chosen by `add`
///     file:    attrs, features | c m m e f e c e x | … FINISHED_ROUND … | build ids, times
///
/// Events are written in order of time, also those of compressed traces and of pipes. What needs several files or sizes
/// of their own (AUX data) is left out. One thread, that of the script.
class TraceSubset {
 public:
  /// The trace outlives it. Errors: the place of the output.
  static base::Result<std::unique_ptr<TraceSubset>> open(const source::RecordedTrace& trace,
                                                         const std::string& path);
  ~TraceSubset();

  void begin_batch(const Batch& batch);
  /// An event of the batch at hand; each at most once counts, in order.
  void add(const oc_event& event);
  /// Takes what follows the last event of the batch, whose bytes may go then.
  void finish_batch();
  /// The file gets its name. Errors: the first failure of all.
  base::Status finish();

  uint64_t size_bytes() const { return output_.position(); }
  uint64_t events() const { return events_; }

 private:
  TraceSubset(const source::RecordedTrace& trace, source::TraceOutput output);
  base::Status begin();
  void put_build_ids();
  void put(const uint8_t* record);
  void flush(bool ends_round);
  void take_side_records(uint32_t before);

  const source::RecordedTrace& trace_;
  source::RecordClock clock_;
  source::TraceOutput output_;
  source::PerfDataWriter writer_;
  std::vector<uint8_t> buffer_;
  const Batch* batch_ = nullptr;
  size_t side_at_ = 0;
  int64_t last_ = -1;  ///< index of the event that was added last
  uint64_t events_ = 0;
  base::Nanos first_time_ = 0, last_time_ = 0;
  bool is_finished_ = false;
  base::Status status_;
};

}  // namespace oc::session
