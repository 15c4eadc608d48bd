#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/event_table.h"
#include "support/byte_writer.h"

namespace oc::test {

/// What a sample and the id trailer of other records say beside their own body. Only what the attr's
/// sample_type has is written.
struct Fields {
  uint64_t time = 0;
  uint64_t id = 0;  ///< IDENTIFIER and ID alike
  int32_t pid = 1;
  int32_t tid = 1;
  uint32_t cpu = 0;
  uint64_t ip = 0;
  uint64_t addr = 0;
  uint64_t stream_id = 0;
  uint64_t period = 1;
};

/// Writes a stream of perf records as the kernel lays them out.
///
///     RecordWriter w(attr);
///     w.comm({.time = 5}, 10, 10, "sh").sample({.time = 9, .pid = 10, .tid = 10}).round();
///
/// Samples follow `attr.sample_type`; other records carry a trailer when `attr.sample_id_all` is set.
/// Source: include/uapi/linux/perf_event.h, enum perf_event_type.
class RecordWriter {
 public:
  explicit RecordWriter(const perf_event_attr& attr) : attr(attr) {}

  /// A sample; `tail` is everything from READ on, as bytes.
  RecordWriter& sample(const Fields& fields, const ByteVector& tail = {});
  /// A sample whose tail is RAW alone: size, payload, padding as perf_prepare_sample makes it.
  RecordWriter& raw_sample(const Fields& fields, const ByteVector& payload);
  RecordWriter& comm(const Fields& at, int32_t pid, int32_t tid, std::string_view name,
                     bool exec = false);
  RecordWriter& fork(const Fields& at, int32_t pid, int32_t tid, int32_t ppid, int32_t ptid);
  RecordWriter& exit(const Fields& at, int32_t pid, int32_t tid);
  RecordWriter& mmap(const Fields& at, uint64_t addr, uint64_t size, std::string_view name);
  RecordWriter& lost(const Fields& at, uint64_t id, uint64_t count);
  RecordWriter& lost_samples(const Fields& at, uint64_t count, uint16_t misc = 0);
  RecordWriter& context_switch(const Fields& at, bool out);
  RecordWriter& context_switch_wide(const Fields& at, bool out, int32_t pid, int32_t tid);
  /// perf's marker: FINISHED_ROUND.
  RecordWriter& round() { return record(68, 0, {}); }
  /// Any record without a trailer: what tools write, or damage.
  RecordWriter& record(uint32_t type, uint16_t misc, const ByteVector& body);
  /// Any record of the kernel: body, padded, then the trailer.
  RecordWriter& kernel(uint32_t type, uint16_t misc, const ByteVector& body, const Fields& at);
  RecordWriter& raw_bytes(const ByteVector& more);

  perf_event_attr attr;
  ByteVector bytes;
  std::vector<size_t> starts;  ///< offset of each record
};

/// RAW as it lies in a sample: u32 size, payload, zeros so that the whole is a multiple of 8.
ByteVector raw_part(const ByteVector& payload);

/// An attr with the bits that most tests want: TID, TIME, CPU, IDENTIFIER and sample_id_all.
perf_event_attr plain_attr(uint64_t more_sample_type = 0);
/// A tracepoint's: the same and RAW.
perf_event_attr tracepoint_attr(uint64_t id);

/// A table of kinds named "e0", "e1", … with the ids given.
event::EventTable make_table(
    const std::vector<std::pair<perf_event_attr, std::vector<uint64_t>>>& attrs);

}  // namespace oc::test
