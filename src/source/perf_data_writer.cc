#include "source/perf_data_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "source/compressor.h"
#include "source/perf_data_file.h"
#include "source/record.h"

namespace oc::source {

using base::ByteSink;

namespace {

constexpr uint64_t kMagic = 0x32454c4946524550;  // "PERFILE2"
constexpr size_t kMostRecord = 65528;
constexpr uint64_t kRoomForTail = 64 << 10;
constexpr uint32_t kAttrRecord = 64;
constexpr uint32_t kRoomRecord = 65;
constexpr uint32_t kTracingDataRecord = 66;
constexpr uint32_t kFinishedRoundRecord = 68;
constexpr uint32_t kFeatureRecord = 80;
constexpr uint64_t kRoundMark = kFinishedRoundRecord | uint64_t{8} << 48;

void put_header(ByteSink& sink, uint32_t type, size_t size_bytes) {
  sink.put(type);
  sink.put(uint16_t{0});
  sink.put(static_cast<uint16_t>(size_bytes));
}

}  // namespace

PerfDataWriter::PerfDataWriter(TraceOutput& output, int compression) : output_(output) {
  if (compression > 0) compressor_ = std::make_unique<Compressor>(compression);
}

PerfDataWriter::~PerfDataWriter() = default;

bool PerfDataWriter::attrs_fit_in_front() const {
  const uint64_t entry = stored_attr_bytes() + 16;
  return kHeaderBytes - kPipeHeaderBytes + attrs_.size() * entry <= kMostRecord;
}

size_t PerfDataWriter::most_ids() { return (kMostRecord - 8 - stored_attr_bytes()) / 8; }

void PerfDataWriter::put_attr(ByteSink& sink, uint32_t index, const std::vector<uint64_t>& ids) {
  const size_t count = std::min(ids.size(), most_ids());
  if (count < ids.size()) large_ids_[index] = ids;
  put_header(sink, kAttrRecord, 8 + stored_attr_bytes() + count * 8);
  sink.put_bytes(stored_attr(attrs_[index]));
  ids_.push_back({sink.size(), count * 8});
  for (size_t i = 0; i < count; ++i) sink.put(ids[i]);
}

void PerfDataWriter::put_feature(ByteSink& sink, Feature number, std::span<const uint8_t> bytes) {
  const size_t size = (16 + bytes.size() + 7) / 8 * 8;
  if (size > kMostRecord) {
    large_[number].assign(bytes.begin(), bytes.end());
    return;
  }
  put_header(sink, kFeatureRecord, size);
  sink.put(static_cast<uint64_t>(number));
  placed_[number] = {sink.size(), bytes.size()};
  sink.put_bytes(bytes);
  sink.align(8);
}

void PerfDataWriter::put_tracing_data(ByteSink& sink, std::span<const uint8_t> blob) {
  if (blob.empty()) return;
  // The blob follows the record, padded, and that is in its size. perf's own record has 12 bytes, which leaves all
  // records behind it off their boundary; it reads these 16 as well.
  put_header(sink, kTracingDataRecord, 16);
  sink.put(static_cast<uint32_t>((blob.size() + 7) / 8 * 8));
  sink.put(uint32_t{0});
  placed_[kTracingDataFeature] = {sink.size(), blob.size()};
  sink.put_bytes(blob);
  sink.align(8);
}

/// Nothing in pipe mode holds more ids of an event than one record.
base::Status PerfDataWriter::check_ids(const event::EventTable& events) const {
  if (output_.is_seekable()) return {};
  const auto ids = events.ids_by_kind();
  for (uint32_t i = 0; i < events.size(); ++i) {
    if (ids[i].size() <= most_ids()) continue;
    return base::make_error(
        base::Code::kUsage,
        fmt::format("event {} is counted in {} places (CPUs and threads), and a stream takes {}",
                    events[i].name, ids[i].size(), most_ids()),
        "record fewer threads or CPUs, or into a file: -o FILE");
  }
  return {};
}

base::Status PerfDataWriter::begin(const event::EventTable& events, FeatureSections features,
                                   std::span<const uint8_t> tracing_data, uint64_t most_bytes) {
  if (auto status = check_ids(events); !status) return status;
  for (uint32_t i = 0; i < events.size(); ++i) {
    attrs_.push_back(events[i].attr);
    attrs_.back().size = stored_attr_bytes();
  }
  features.add_events(events);
  if (compressor_) {
    // How much a reader has to make room for behind one COMPRESSED record: whole pages.
    const uint64_t room = std::max<uint64_t>(most_bytes, Compressor::kMostUnpacked);
    features.add_compression(static_cast<uint32_t>(compressor_->level()), 1,
                             static_cast<uint32_t>((room + 4095) / 4096 * 4096));
  }
  ByteSink sink;
  sink.put(kMagic);
  sink.put(kPipeHeaderBytes);
  if (output_.is_seekable()) {
    const uint64_t entry = stored_attr_bytes() + 16;
    const uint64_t table = attrs_fit_in_front() ? attrs_.size() * entry : 0;
    put_header(sink, kRoomRecord, kHeaderBytes - kPipeHeaderBytes + table);
    sink.put_zeros(kHeaderBytes + table - sink.size());
    attrs_at_ = kHeaderBytes;
  }
  const auto ids = events.ids_by_kind();
  for (uint32_t i = 0; i < events.size(); ++i) put_attr(sink, i, ids[i]);
  for (const auto& [number, bytes] : features.sections()) put_feature(sink, number, bytes);
  put_tracing_data(sink, tracing_data);
  data_at_ = sink.size();
  if (output_.is_seekable() && attrs_fit_in_front()) {
    ByteSink table;
    put_attr_table(table);
    for (size_t i = 0; i < table.size(); ++i) sink.patch(attrs_at_ + i, table.bytes()[i]);
  }
  return output_.write(sink.bytes());
}

void PerfDataWriter::make_parts(std::span<const Span> spans) {
  parts_.clear();
  unpacked_.clear();
  for (const Span& span : spans) {
    const auto size = static_cast<size_t>(span.end - span.begin);
    if (compressor_) {
      compressor_->add({span.begin, size}, parts_, unpacked_);
    } else {
      parts_.push_back({const_cast<uint8_t*>(span.begin), size});
      unpacked_.push_back(size);
    }
  }
}

/// Cuts the parts off behind the last record that fits into `room`; returns its end.
uint64_t PerfDataWriter::keep_whole_records(uint64_t room) {
  uint64_t kept = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].iov_len <= room - kept) {
      kept += parts_[i].iov_len;
      continue;
    }
    const auto* bytes = static_cast<const uint8_t*>(parts_[i].iov_base);
    uint64_t size = 0;
    while (size + sizeof(RecordHeader) <= parts_[i].iov_len) {
      const uint64_t next = size + record_header(bytes + size).size_bytes;
      if (next <= size || next > room - kept || next > parts_[i].iov_len) break;
      size = next;
    }
    parts_.resize(i + 1);
    unpacked_.resize(i + 1);
    parts_[i].iov_len = size;
    unpacked_[i] = size;  // of a COMPRESSED record, which stands for many: 0, none of them
    return kept + size;
  }
  return kept;
}

base::Status PerfDataWriter::append(std::span<const Span> spans, bool ends_round) {
  const uint64_t start = output_.position();
  make_parts(spans);
  if (limit_ != UINT64_MAX) {
    const uint64_t room = limit_ > start ? limit_ - start : 0;
    uint64_t size = 0;
    for (const iovec& part : parts_) size += part.iov_len;
    is_at_limit_ = size >= room;
    if (is_at_limit_) keep_whole_records(room);
  }
  if (ends_round) {
    parts_.push_back({const_cast<uint64_t*>(&kRoundMark), sizeof kRoundMark});
    unpacked_.push_back(0);
  }
  auto status = parts_.empty() ? base::Status() : output_.write(parts_);
  if (!status && output_.is_seekable()) {
    // Leave room for what comes behind the records; without it the file stays one of pipe mode.
    const uint64_t reached = output_.reached() - start;
    const uint64_t room = reached - std::min(reached / 2, kRoomForTail);
    output_.go_back(start + keep_whole_records(room));
  } else if (!status) {
    unpacked_.clear();
  }
  kept_bytes_ = std::accumulate(unpacked_.begin(), unpacked_.end(), uint64_t{0});
  record_bytes_ += kept_bytes_;
  if (compressor_) compressor_->clear();
  return status;
}

base::Status PerfDataWriter::append(std::span<const uint8_t> records) {
  Span span;
  span.begin = records.data();
  span.end = records.data() + records.size();
  return append(std::span<const Span>(&span, 1), false);
}

void PerfDataWriter::put_attr_table(ByteSink& sink) const {
  for (size_t i = 0; i < attrs_.size(); ++i) {
    sink.put_bytes(stored_attr(attrs_[i]));
    sink.put(ids_[i].offset);
    sink.put(ids_[i].size_bytes);
  }
}

base::ByteSink PerfDataWriter::make_header(uint64_t data_end) const {
  ByteSink header;
  header.put(kMagic);
  header.put(kHeaderBytes);
  header.put(uint64_t{stored_attr_bytes()} + 16);
  header.put(attrs_at_);
  header.put(attrs_.size() * (stored_attr_bytes() + 16));
  header.put(data_at_);
  header.put(data_end - data_at_);
  header.put_zeros(16);
  uint64_t bits = 0;
  for (const auto& [number, where] : placed_) bits |= uint64_t{1} << static_cast<int>(number);
  header.put(bits);
  header.put_zeros(24);
  return header;
}

base::Status PerfDataWriter::finish(const FeatureSections& more) {
  if (!output_.is_seekable()) return {};
  const uint64_t end = output_.position();
  std::map<Feature, std::vector<uint8_t>> late = large_;
  for (const auto& [number, bytes] : more.sections()) late[number] = bytes;
  const auto placed_before = placed_;
  for (const auto& [number, bytes] : late) placed_[number] = {};
  ByteSink tail;
  tail.put_zeros(placed_.size() * 16);  // the table; must stand right behind the records
  for (const auto& [number, bytes] : late) {
    placed_[number] = {end + tail.size(), bytes.size()};
    tail.put_bytes(bytes);
    tail.align(8);
  }
  const auto ids_before = ids_;
  for (const auto& [index, ids] : large_ids_) {
    ids_[index] = {end + tail.size(), ids.size() * 8};
    for (const uint64_t id : ids) tail.put(id);
  }
  if (!attrs_fit_in_front()) {
    attrs_at_ = end + tail.size();
    put_attr_table(tail);
  }
  size_t at = 0;
  for (const auto& [number, where] : placed_) {
    tail.patch(at, where.offset);
    tail.patch(at + 8, where.size_bytes);
    at += 16;
  }
  auto status = output_.write(tail.bytes());
  ByteSink front = make_header(end);
  if (attrs_fit_in_front()) put_attr_table(front);  // as it was, but for ids that are behind now
  if (status) status = output_.write_at(0, front.bytes());
  if (!status) {
    placed_ = placed_before;
    ids_ = ids_before;
    output_.go_back(end);  // still a whole trace, of pipe mode
  }
  return status;
}

}  // namespace oc::source
