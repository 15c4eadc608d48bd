#include "source/sample_span.h"

#include <algorithm>

#include "source/read_ahead.h"
#include "source/record.h"
#include "source/record_stream.h"

namespace oc::source {

namespace {

/// How far the next record is; 0 when this one makes no sense.
uint64_t step_of(const uint8_t* record, uint64_t left) {
  if (left < sizeof(RecordHeader)) return 0;
  const RecordHeader header = record_header(record);
  if (header.size_bytes < sizeof(RecordHeader) || header.size_bytes > left) return 0;
  if (header.type != UserRecord::kAuxtrace || header.size_bytes < 16) return header.size_bytes;
  const auto aux_bytes = base::load<uint64_t>(record + 8);  // they follow the record
  return aux_bytes > left - header.size_bytes ? 0 : header.size_bytes + aux_bytes;
}

}  // namespace

SampleSpan find_sample_span(const PerfDataFile& file) {
  const RecordClock clock(file.events());
  ReadAhead read_ahead(file.mapping());
  SampleSpan span;
  const auto records = file.records();
  for (uint64_t at = 0, step = 0; at < records.size(); at += step) {
    read_ahead.reached(file.records_offset() + at);
    const uint8_t* const record = records.data() + at;
    if (step = step_of(record, records.size() - at); step == 0) break;
    const RecordHeader header = record_header(record);
    if (header.type != PERF_RECORD_SAMPLE) continue;
    const base::Nanos time = clock.time(record, header);
    if (time == 0) continue;
    if (span.first == 0 || time < span.first) span.first = time;
    span.last = std::max(span.last, time);
  }
  return span;
}

}  // namespace oc::source
