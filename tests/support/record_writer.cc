#include "support/record_writer.h"

#include <stdexcept>

namespace oc::test {

namespace {

ByteVector fixed_fields(uint64_t type, const Fields& fields) {
  ByteWriter out;
  if (type & PERF_SAMPLE_IDENTIFIER) out.u64(fields.id);
  if (type & PERF_SAMPLE_IP) out.u64(fields.ip);
  if (type & PERF_SAMPLE_TID) out.put(fields.pid).put(fields.tid);
  if (type & PERF_SAMPLE_TIME) out.u64(fields.time);
  if (type & PERF_SAMPLE_ADDR) out.u64(fields.addr);
  if (type & PERF_SAMPLE_ID) out.u64(fields.id);
  if (type & PERF_SAMPLE_STREAM_ID) out.u64(fields.stream_id);
  if (type & PERF_SAMPLE_CPU) out.u64(fields.cpu);
  if (type & PERF_SAMPLE_PERIOD) out.u64(fields.period);
  return out.bytes;
}

ByteVector trailer(const perf_event_attr& attr, const Fields& fields) {
  ByteWriter out;
  if (!attr.sample_id_all) return out.bytes;
  const uint64_t type = attr.sample_type;
  if (type & PERF_SAMPLE_TID) out.put(fields.pid).put(fields.tid);
  if (type & PERF_SAMPLE_TIME) out.u64(fields.time);
  if (type & PERF_SAMPLE_ID) out.u64(fields.id);
  if (type & PERF_SAMPLE_STREAM_ID) out.u64(fields.stream_id);
  if (type & PERF_SAMPLE_CPU) out.u64(fields.cpu);
  if (type & PERF_SAMPLE_IDENTIFIER) out.u64(fields.id);
  return out.bytes;
}

ByteVector padded_text(std::string_view text) {
  return ByteWriter().text(text).put<uint8_t>(0).pad().bytes;
}

}  // namespace

RecordWriter& RecordWriter::record(uint32_t type, uint16_t misc, const ByteVector& body) {
  const size_t size = sizeof(perf_event_header) + body.size();
  if (size > UINT16_MAX) throw std::length_error("a record has at most 65535 bytes");
  starts.push_back(bytes.size());
  const auto header = ByteWriter().u32(type).u16(misc).u16(size).bytes;
  return raw_bytes(header).raw_bytes(body);
}

RecordWriter& RecordWriter::raw_bytes(const ByteVector& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return *this;
}

RecordWriter& RecordWriter::kernel(uint32_t type, uint16_t misc, const ByteVector& body,
                                   const Fields& at) {
  return record(type, misc, ByteWriter().add(body).pad().add(trailer(attr, at)).bytes);
}

RecordWriter& RecordWriter::sample(const Fields& fields, const ByteVector& tail) {
  return record(PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER,
                ByteWriter().add(fixed_fields(attr.sample_type, fields)).add(tail).bytes);
}

RecordWriter& RecordWriter::raw_sample(const Fields& fields, const ByteVector& payload) {
  return sample(fields, raw_part(payload));
}

RecordWriter& RecordWriter::comm(const Fields& at, int32_t pid, int32_t tid, std::string_view name,
                                 bool exec) {
  const auto body = ByteWriter().put(pid).put(tid).add(padded_text(name)).bytes;
  return kernel(PERF_RECORD_COMM, exec ? 1u << 13 : 0, body, at);
}

RecordWriter& RecordWriter::fork(const Fields& at, int32_t pid, int32_t tid, int32_t ppid,
                                 int32_t ptid) {
  const auto body = ByteWriter().put(pid).put(ppid).put(tid).put(ptid).u64(at.time).bytes;
  return kernel(PERF_RECORD_FORK, 0, body, at);
}

RecordWriter& RecordWriter::exit(const Fields& at, int32_t pid, int32_t tid) {
  const auto body = ByteWriter().put(pid).put(pid).put(tid).put(tid).u64(at.time).bytes;
  return kernel(PERF_RECORD_EXIT, 0, body, at);
}

RecordWriter& RecordWriter::mmap(const Fields& at, uint64_t addr, uint64_t size,
                                 std::string_view name) {
  const auto body =
      ByteWriter().put(at.pid).put(at.tid).u64(addr).u64(size).u64(0).add(padded_text(name)).bytes;
  return kernel(PERF_RECORD_MMAP, 0, body, at);
}

RecordWriter& RecordWriter::lost(const Fields& at, uint64_t id, uint64_t count) {
  return kernel(PERF_RECORD_LOST, 0, ByteWriter().u64(id).u64(count).bytes, at);
}

RecordWriter& RecordWriter::lost_samples(const Fields& at, uint64_t count, uint16_t misc) {
  return kernel(PERF_RECORD_LOST_SAMPLES, misc, ByteWriter().u64(count).bytes, at);
}

RecordWriter& RecordWriter::context_switch(const Fields& at, bool out) {
  return kernel(PERF_RECORD_SWITCH, out ? PERF_RECORD_MISC_SWITCH_OUT : 0, {}, at);
}

RecordWriter& RecordWriter::context_switch_wide(const Fields& at, bool out, int32_t pid,
                                                int32_t tid) {
  return kernel(PERF_RECORD_SWITCH_CPU_WIDE, out ? PERF_RECORD_MISC_SWITCH_OUT : 0,
                ByteWriter().put(pid).put(tid).bytes, at);
}

ByteVector raw_part(const ByteVector& payload) {
  const size_t whole = (payload.size() + 4 + 7) / 8 * 8;
  return ByteWriter().u32(whole - 4).add(payload).pad(8).bytes;
}

perf_event_attr plain_attr(uint64_t more_sample_type) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER |
                     more_sample_type;
  attr.sample_id_all = 1;
  return attr;
}

perf_event_attr tracepoint_attr(uint64_t id) {
  perf_event_attr attr = plain_attr(PERF_SAMPLE_RAW);
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = id;
  return attr;
}

event::EventTable make_table(
    const std::vector<std::pair<perf_event_attr, std::vector<uint64_t>>>& attrs) {
  event::EventTable table;
  for (const auto& [attr, ids] : attrs) {
    event::EventKind kind{};
    kind.name = "e" + std::to_string(table.size());
    kind.attr = attr;
    table.add(std::move(kind), ids);
  }
  table.finish();
  return table;
}

}  // namespace oc::test
