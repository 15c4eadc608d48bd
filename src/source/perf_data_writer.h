#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/byte_sink.h"
#include "base/result.h"
#include "event/event_table.h"
#include "source/feature_writer.h"
#include "source/source.h"
#include "source/trace_output.h"

namespace oc::source {

class Compressor;

/// Writes a perf.data trace that can be read at any moment, also after kill -9.
///
/// As long as it grows, the file is one of perf's pipe mode, which needs nothing behind its records:
///
///     | magic, 16 | room (65) | ATTR (64) … | FEATURE (80) … | TRACING_DATA (66) | records … FINISHED_ROUND …
///
/// `finish` makes a file of file mode out of it by writing the header over the room, in one write:
///
///     | header 104 | attrs    | (skipped)   .   .   .   .   .   .   .   .   .   | records … | table | sections
///
/// An ATTR record holds as many ids as fit; the attr's entry in file mode all, behind the sections when they did not.
/// The table points to the sections that stand in the FEATURE and TRACING_DATA records already. A pipe stays as
/// it is. Records of type 65 are skipped by every reader (an event type of perf before 3.11).
/// One thread.
class PerfDataWriter {
 public:
  /// `compression` 0: none; else a level of zstd. The output outlives the writer.
  PerfDataWriter(TraceOutput& output, int compression);
  ~PerfDataWriter();

  /// `tracing_data`: the blob of feature 1, empty without tracepoints. `most_bytes`: no append is larger.
  base::Status begin(const event::EventTable& events, FeatureSections features,
                     std::span<const uint8_t> tracing_data, uint64_t most_bytes);

  /// Whole records. They are not stored anywhere: lent for the call. When not all of them can be written, or the
  /// limit is reached, those that were are kept (see `kept_bytes`), and the rest is not.
  base::Status append(std::span<const Span> spans, bool ends_round);
  base::Status append(std::span<const uint8_t> records);

  /// Sections that are known only now: build ids, times. Makes the file one of file mode.
  base::Status finish(const FeatureSections& more);

  /// No record is written beyond this place of the output.
  void set_limit(uint64_t bytes) { limit_ = bytes; }
  bool is_at_limit() const { return is_at_limit_; }

  /// Of the last `append`'s bytes how many, from the first one on, were kept: whole records.
  uint64_t kept_bytes() const { return kept_bytes_; }
  /// Bytes of records written, before compression.
  uint64_t record_bytes() const { return record_bytes_; }

 private:
  struct Section {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
  };

  static size_t most_ids();  // of one ATTR record
  base::Status check_ids(const event::EventTable& events) const;
  void put_attr(base::ByteSink& sink, uint32_t index, const std::vector<uint64_t>& ids);
  void put_feature(base::ByteSink& sink, Feature number, std::span<const uint8_t> bytes);
  void put_tracing_data(base::ByteSink& sink, std::span<const uint8_t> blob);
  void put_attr_table(base::ByteSink& sink) const;
  base::ByteSink make_header(uint64_t data_end) const;
  bool attrs_fit_in_front() const;
  void make_parts(std::span<const Span> spans);
  uint64_t keep_whole_records(uint64_t room);

  TraceOutput& output_;
  std::unique_ptr<Compressor> compressor_;
  std::vector<perf_event_attr> attrs_;
  std::vector<Section> ids_;                             // by attr
  std::map<uint32_t, std::vector<uint64_t>> large_ids_;  // by attr: more than its record holds
  std::map<Feature, Section> placed_;                    // features that stand in the stream
  std::map<Feature, std::vector<uint8_t>>
      large_;  // features too large for a record: written at the end
  uint64_t attrs_at_ = 0;
  uint64_t data_at_ = 0;
  uint64_t record_bytes_ = 0;
  uint64_t kept_bytes_ = 0;
  uint64_t limit_ = UINT64_MAX;
  bool is_at_limit_ = false;
  std::vector<iovec> parts_;
  std::vector<uint64_t> unpacked_;  // bytes of records that each part stands for
};

}  // namespace oc::source
