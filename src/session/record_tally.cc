#include "session/record_tally.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "event/kernel_record.h"

namespace oc::session {

using base::load;
using source::RecordHeader;

namespace {
constexpr size_t kMostBuildIds = 1 << 16;
}  // namespace

RecordTally::RecordTally(const event::EventTable& events)
    : clock_(events), by_event_(events.size()) {}

void RecordTally::merge(const RecordTally& other) {
  records_ += other.records_;
  unknown_ += other.unknown_;
  for (size_t i = 0; i < by_event_.size(); ++i) by_event_[i] += other.by_event_[i];
  first_ = std::min(first_, other.first_);
  last_ = std::max(last_, other.last_);
  for (const auto& [stream, records] : other.lost_) lost_[stream] += records;
}

uint64_t RecordTally::samples() const {
  return std::accumulate(by_event_.begin(), by_event_.end(), unknown_);
}

void RecordTally::add(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const RecordHeader header = source::record_header(record);
    ++records_;
    if (header.type == PERF_RECORD_SAMPLE) {
      const uint32_t kind = clock_.kind_of_sample(record, header.size_bytes);
      if (kind == event::EventTable::kUnknown) {
        ++unknown_;
      } else {
        ++by_event_[kind];
        const base::Nanos time = clock_.sample_time(record, kind);
        first_ = std::min(first_, time);
        last_ = std::max(last_, time);
      }
    } else {
      add_other(record, header, span.stream);
    }
    record += header.size_bytes;
  }
}

void RecordTally::add_other(const uint8_t* record, const RecordHeader& header, uint32_t stream) {
  if (header.type == PERF_RECORD_LOST && header.size_bytes >= 24)
    lost_[stream] += load<uint64_t>(record + 16);
  if (header.type == PERF_RECORD_LOST_SAMPLES && header.size_bytes >= 16)
    lost_[stream] += load<uint64_t>(record + 8);
  if (header.type == PERF_RECORD_MMAP2 && (header.misc & event::kMmapBuildId) != 0)
    add_mapping(record, header);
}

/// { header, pid, tid, addr, len, pgoff, u8 size, u8[3], u8[20] build id, prot, flags, filename }
void RecordTally::add_mapping(const uint8_t* record, const RecordHeader& header) {
  base::Bytes body(record, header.size_bytes);
  body.skip(40);
  const auto size = body.read<uint8_t>();
  body.skip(3);
  const auto id = body.take(20);
  body.skip(8);
  if (body.failed() || size > id.size()) return;
  source::BuildId entry;
  entry.path = base::bounded_text(body.at(), body.remaining());
  entry.id.assign(id.begin(), id.begin() + size);
  entry.is_kernel = (header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
  add_build_id(std::move(entry));
}

void RecordTally::add_build_id(source::BuildId entry) {
  if (entry.id.empty() || known_ids_.size() >= kMostBuildIds) return;
  std::string key = entry.path;
  key.push_back('\0');
  key.append(reinterpret_cast<const char*>(entry.id.data()), entry.id.size());
  if (known_ids_.insert(std::move(key)).second) build_ids_.push_back(std::move(entry));
}

}  // namespace oc::session
