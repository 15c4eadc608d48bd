#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "perf/live_source.h"
#include "session/record_tally.h"
#include "source/feature_writer.h"
#include "source/perf_data_writer.h"
#include "source/trace_output.h"

namespace oc::session {

/// What every trace of one recording begins with.
struct TraceBeginning {
  source::FeatureSections features;
  std::vector<uint8_t> tracing_data;
  uint64_t most_round_bytes = 0;  ///< of one ring at once
  int compression = 0;            ///< zstd's level; 0: none
};

/// One trace being written: its output, the writer, what it holds. Kept on the heap: the writer knows the output.
class TraceFile {
 public:
  /// `events` outlives the file; `stored` are the same as the trace is to have them.
  static base::Result<std::unique_ptr<TraceFile>> begin(source::TraceOutput output,
                                                        const TraceBeginning& beginning,
                                                        const event::EventTable& events,
                                                        const event::EventTable& stored);

  /// Writes the records of a round and counts those that were written.
  base::Status append(std::span<const source::Span> spans, bool ends_round);
  /// The sections at the end, `more` among them, and the file's name. After an error what was written can be read.
  base::Status finish(source::FeatureSections more);
  void discard() { output_.discard(); }

  source::PerfDataWriter& writer() { return writer_; }
  const source::PerfDataWriter& writer() const { return writer_; }
  RecordTally& tally() { return tally_; }
  const RecordTally& tally() const { return tally_; }
  const std::string& path() const { return output_.current_path(); }
  uint64_t bytes() const { return output_.position(); }

 private:
  TraceFile(source::TraceOutput output, int compression, const event::EventTable& events)
      : output_(std::move(output)), writer_(output_, compression), tally_(events) {}

  source::TraceOutput output_;
  source::PerfDataWriter writer_;
  RecordTally tally_;
};

/// The n-th of several traces of one name: "run.data" → "run.0001.data".
std::string numbered_path(const std::string& path, uint32_t number);

/// Says which traces of that row, from this number on, are there: of an earlier recording, which had more. "": none.
std::string older_files_note(const std::string& path, uint32_t from);

}  // namespace oc::session
