#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "perf/live_source.h"
#include "perf/rundown.h"
#include "session/record_tally.h"
#include "source/feature_writer.h"
#include "source/perf_data_writer.h"
#include "source/trace_output.h"

namespace oc::session {

/// Where a recording goes, and how far.
struct RecordOptions {
  std::string output = "perf.data";  ///< "-": stdout
  int compression = 0;               ///< zstd's level; 0: none
  uint64_t max_bytes = 0;            ///< of records; 0: no limit
  std::string version;               ///< of this program
};

/// One trace being written: its output, the writer, what it holds.
struct TraceFile {
  source::TraceOutput output;
  source::PerfDataWriter writer;
  RecordTally tally;

  TraceFile(source::TraceOutput opened, int compression, const event::EventTable& events)
      : output(std::move(opened)), writer(output, compression), tally(events) {}
};

/// Drains a live source into a file, bytes as they are: no merge, no decoding.
///
///     open       the output is there before the kernel or a command is asked for anything
///     begin      events run, then /proc is listed: nothing is missed (docs/design/record.md)
///     step …     rings → one write, then FINISHED_ROUND
///     finish     what the rings still hold, build ids, the header, the name
///
/// A write that fails ends the recording; what was written before stays a whole trace. One thread.
class Recorder {
 public:
  static base::Result<std::unique_ptr<Recorder>> open(RecordOptions options);

  /// Facts of the machine and formats of events; call before `live` is started. `live` outlives the recorder's use.
  base::Status prepare(perf::LiveSource& live);
  /// Nothing was recorded: no file stays.
  void discard();
  /// After it was started.
  base::Status begin();
  /// One round; false when it was the last. Waits at most `wait`.
  base::Result<bool> step(std::chrono::milliseconds wait);
  /// After the last step, or instead of it.
  base::Status finish();

  /// Records that LOST records tell of.
  std::map<int32_t, uint64_t> lost_by_cpu() const;
  const RecordTally& tally() const { return file_->tally; }
  const std::string& path() const { return file_->output.current_path(); }
  /// How long the events ran.
  base::Nanos elapsed() const { return ended_ - started_; }
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t record_bytes() const { return file_->writer.record_bytes(); }

 private:
  explicit Recorder(RecordOptions options) : options_(std::move(options)) {}
  base::Status write_rundown();
  base::Status drain(source::Round& round);

  RecordOptions options_;
  std::optional<source::TraceOutput> opened_;
  perf::LiveSource* live_ = nullptr;
  std::unique_ptr<TraceFile> file_;
  source::FeatureSections features_;
  std::vector<uint8_t> tracing_data_;
  source::Round round_;
  std::optional<base::Error> failure_;
  uint64_t file_bytes_ = 0;
  base::Nanos started_ = 0;
  base::Nanos ended_ = 0;
  bool is_finished_ = false;
};

}  // namespace oc::session
