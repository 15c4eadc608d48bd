#include "session/decoder.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "event/sample_tail.h"

namespace oc::session {

using base::load;
using event::EventTable;
using event::kAbsent;
using event::KernelRecord;
using source::RecordHeader;

namespace {
constexpr uint64_t kRecordsBetweenChecks = 1u << 20;
constexpr uint16_t kLostByFilter = 1u << 15;  // PERF_RECORD_MISC_LOST_SAMPLES_BPF
}  // namespace

Decoder::Decoder(source::Source& source, process::ProcessModel& processes, Selection selection)
    : source_(source),
      processes_(processes),
      selection_(std::move(selection)),
      clock_(source.events()),
      merger_(clock_) {
  const EventTable& events = source.events();
  selection_.wanted.resize(events.size() + event::kKernelRecords);
  selection_.keep_own.resize(selection_.wanted.size());
  for (uint32_t i = 0; i < events.size(); ++i) {
    const auto& layout = events[i].layout;
    Kind kind{};
    kind.tid = layout.tid;
    kind.cpu = layout.cpu;
    kind.raw = layout.raw;
    kind.tail = layout.tail;
    kind.has_raw = (layout.sample_type & PERF_SAMPLE_RAW) != 0;
    const uint32_t number = event::kKernelRecords + i;
    kind.keep_own = selection_.keep_own[number] != 0 || selection_.own_pid < 0;
    kind.is_wanted = selection_.wanted[number] != 0;
    kind.min_payload = events[i].format ? events[i].format->fixed_size() : 0;
    kinds_.push_back(kind);
  }
}

base::Status Decoder::fill(std::chrono::milliseconds wait, Batch& batch) {
  batch.count = 0;
  batch.is_last = false;
  give_back();
  const auto classify = [this](const uint8_t* record, const RecordHeader& header) {
    return this->classify(record, header);
  };
  const auto visitor = [this, &batch](const uint8_t* record, const RecordHeader& header,
                                      base::Nanos time, uint32_t kind) {
    return visit(record, header, time, kind, batch);
  };
  const uint64_t records_before = counts_.records;
  bool stopped = false;
  bool hand_over = false;
  base::Status read;
  for (;;) {
    stopped = merger_.drain(is_last_ ? UINT64_MAX : horizon_, classify, visitor);
    batch.is_last = past_end_ || (is_last_ && !stopped);
    if (batch.is_last || stopped || hand_over || (selection_.is_live && batch.count > 0)) break;
    if (read = source_.next_round(wait, round_); !read) break;  // what was read before is whole
    take_over_round();
    // Live: hand over what there is rather than wait, so that timers fire. Recorded: now and then, so
    // that a trace without a wanted event can be stopped.
    hand_over = selection_.is_live || counts_.records - records_before > kRecordsBetweenChecks;
  }
  counts_.start_time = selection_.start;
  counts_.last_time = stopped ? newest_ : std::max(newest_, horizon_);
  batch.until = until(stopped);
  batch.counts = counts_;
  return read;
}

void Decoder::take_over_round() {
  for (const source::Span& span : round_.spans) {
    if (span.stream >= handed_.size()) handed_.resize(span.stream + 1);
    handed_[span.stream] = span.position + static_cast<uint64_t>(span.end - span.begin);
  }
  merger_.add(round_);
  counts_.records += round_.records;
  counts_.bytes += round_.bytes;
  horizon_ = std::max(horizon_, round_.horizon);
  is_last_ = round_.is_last;
  if (selection_.start == 0 && horizon_ != 0) selection_.start = merger_.oldest();
  end_ = selection_.start + std::min(selection_.max_span, UINT64_MAX - selection_.start);
}

/// Up to when everything has been delivered, in ns since the start.
double Decoder::until(bool stopped) const {
  const base::Nanos reached = stopped ? newest_ : std::max(newest_, horizon_);
  if (reached <= selection_.start) return 0;
  return static_cast<double>(std::min(reached - selection_.start, selection_.max_span));
}

void Decoder::give_back() {
  for (uint32_t stream = 0; stream < handed_.size(); ++stream) {
    source_.release(stream, merger_.lowest_position(stream, handed_[stream]));
  }
}

/// The rare cases of a record's time: none, late, beyond the asked span. False: past the end.
bool Decoder::odd_time(base::Nanos time) {
  if (time == 0) return true;
  if (time < newest_) {
    ++counts_.late;
    return true;
  }
  if (time > end_) {
    past_end_ = true;
    newest_ = end_;
    return false;
  }
  newest_ = time;
  return true;
}

/// The kind of a sample that is wanted (or belongs to nobody), kRecord for what is not a sample.
inline uint32_t Decoder::classify(const uint8_t* record, const RecordHeader& header) const {
  if (header.type != PERF_RECORD_SAMPLE) return kRecord;
  const uint32_t index = clock_.kind_of_sample(record, header.size_bytes);
  if (index == EventTable::kUnknown) return index;
  return kinds_[index].is_wanted ? index : source::Merger::kSkip;
}

inline bool Decoder::visit(const uint8_t* record, const RecordHeader& header, base::Nanos time,
                           uint32_t kind, Batch& batch) {
  if (time < newest_ || time > end_) {
    if (!odd_time(time)) return false;
  } else {
    newest_ = time;
  }
  if (kind >= kinds_.size()) return other(record, header, time, kind, batch);
  return sample(record, header, time, kind, batch);
}

bool Decoder::other(const uint8_t* record, const RecordHeader& header, base::Nanos time,
                    uint32_t kind, Batch& batch) {
  if (kind == kRecord) return kernel_record(record, header, time, batch);
  ++counts_.unknown;
  return true;
}

inline bool Decoder::sample(const uint8_t* record, const RecordHeader& header, base::Nanos time,
                            uint32_t index, Batch& batch) {
  const Kind& kind = kinds_[index];
  oc_event& event = batch.events[batch.count];
  event.record = record;
  event.event = event::kKernelRecords + index;
  event.pid = event.tid = event.cpu = -1;
  if (kind.tid != kAbsent) {
    event.pid = load<int32_t>(record + kind.tid);
    event.tid = load<int32_t>(record + kind.tid + 4);
  }
  if (kind.cpu != kAbsent) event.cpu = load<int32_t>(record + kind.cpu);
  if (!kind.keep_own && event.pid == selection_.own_pid) {
    ++counts_.own;
    return true;
  }
  if (!place_payload(kind, record, header.size_bytes, event)) {
    ++counts_.malformed;
    return true;
  }
  name_thread(event);
  return deliver(event, time, batch);
}

inline bool Decoder::place_payload(const Kind& kind, const uint8_t* record, uint32_t size_bytes,
                                   oc_event& event) const {
  if (kind.raw == kAbsent) return place_odd_payload(kind, record, size_bytes, event);
  // A sample of this kind is at least `tail` long, and RAW begins there.
  const uint32_t left = size_bytes - kind.raw;
  if (left < 4) return false;
  event.payload = record + kind.raw + 4;
  event.payload_size = load<uint32_t>(record + kind.raw);
  return event.payload_size <= left - 4 && event.payload_size >= kind.min_payload;
}

bool Decoder::place_odd_payload(const Kind& kind, const uint8_t* record, uint32_t size_bytes,
                                oc_event& event) const {
  event.payload = record + kind.tail;
  event.payload_size = 0;
  if (!kind.has_raw) return true;
  const auto& layout = source_.events()[event.event - event::kKernelRecords].layout;
  const auto tail = event::read_tail(layout, record, size_bytes);
  if ((tail.present & PERF_SAMPLE_RAW) == 0) return false;
  event.payload = tail.raw.data();
  event.payload_size = static_cast<uint32_t>(tail.raw.size());
  return tail.raw.size() >= kind.min_payload;
}

inline void Decoder::name_thread(oc_event& event) {
  if (event.tid < 0) {
    event.comm = event.thread = 0;
    return;
  }
  const process::Thread& thread = processes_.find_or_add(event.pid, event.tid);
  event.comm = thread.comm.value;
  event.thread = thread.id;
}

inline bool Decoder::deliver(oc_event& event, base::Nanos time, Batch& batch) {
  event.time = time == 0 ? 0 : static_cast<double>(static_cast<int64_t>(time - selection_.start));
  ++batch.count;
  if (++counts_.delivered >= selection_.max_events) {
    past_end_ = true;
    return false;
  }
  return batch.count < batch.events.size();
}

bool Decoder::kernel_record(const uint8_t* record, const RecordHeader& header, base::Nanos time,
                            Batch& batch) {
  const int number = event::kernel_record_of(header.type, header.misc);
  if (number < 0) return true;
  const EventTable& events = clock_.events();
  const uint32_t trailer_kind = clock_.kind_of_trailer(record, header.size_bytes);
  oc_event event{};
  event.record = record;
  event.payload = record + sizeof(RecordHeader);
  event.payload_size = header.size_bytes - static_cast<uint32_t>(sizeof(RecordHeader));
  event.event = static_cast<uint32_t>(number);
  event.pid = event.tid = event.cpu = -1;
  if (trailer_kind != EventTable::kUnknown) {
    const auto& layout = events[trailer_kind].layout;
    const uint8_t* trailer = record + header.size_bytes - layout.trailer_size;
    event.payload_size -= layout.trailer_size;
    if (layout.trailer_tid != kAbsent) {
      event.pid = load<int32_t>(trailer + layout.trailer_tid);
      event.tid = load<int32_t>(trailer + layout.trailer_tid + 4);
    }
    if (layout.trailer_cpu != kAbsent) event.cpu = load<int32_t>(trailer + layout.trailer_cpu);
  }
  if (event.payload_size <
      event::kernel_record_formats()[static_cast<size_t>(number)].fixed_size()) {
    ++counts_.malformed;
    return true;
  }
  const bool is_sum = header.type == PERF_RECORD_LOST_SAMPLES && time == 0;
  if (is_sum) {
    add_lost_sum(header.misc, load<uint64_t>(event.payload));
  } else {
    apply(number, event.payload, event.payload_size, event.cpu, event);
  }
  if (selection_.wanted[event.event] == 0) return true;
  if (selection_.own_pid >= 0 && event.pid == selection_.own_pid &&
      selection_.keep_own[event.event] == 0) {
    ++counts_.own;
    return true;
  }
  name_thread(event);
  batch.events[batch.count] = event;
  return deliver(batch.events[batch.count], time, batch);
}

/// Tells the process model; sets pid and tid of `event` to the thread that the record is about (of a
/// fork: the one that forked).
void Decoder::apply(int number, const uint8_t* body, uint32_t size_bytes, int32_t cpu,
                    oc_event& event) {
  const auto word = [&](uint32_t at) { return load<int32_t>(body + at); };
  switch (static_cast<KernelRecord>(number)) {
    case KernelRecord::kComm:
    case KernelRecord::kExec:
      event.pid = word(0);
      event.tid = word(4);
      processes_.comm(event.pid, event.tid, base::bounded_text(body + 8, size_bytes - 8));
      break;
    case KernelRecord::kFork:
      event.pid = word(4);
      event.tid = word(12);
      processes_.fork(word(0), word(8), word(4), word(12));
      break;
    case KernelRecord::kExit:
      event.pid = word(0);
      event.tid = word(8);
      processes_.exit(event.pid, event.tid);
      break;
    case KernelRecord::kMmap:
    case KernelRecord::kMmap2:
      event.pid = word(0);
      event.tid = word(4);
      break;
    case KernelRecord::kLost:
      count_lost(cpu, load<uint64_t>(body + 8));
      break;
    case KernelRecord::kLostSamples:
      count_lost(cpu, load<uint64_t>(body));
      break;
    default:
      break;
  }
}

void Decoder::count_lost(int32_t cpu, uint64_t records) {
  const std::lock_guard lock(lost_mutex_);
  lost_by_cpu_[cpu] += records;
  lost_told_ += records;
  counts_.lost = std::max(lost_told_, lost_sum_);
}

/// perf 6.1 and later end a file with what the kernel says that each event lost: the same losses as
/// those of LOST records and, of an unknown CPU, what came after the last of these.
void Decoder::add_lost_sum(uint16_t misc, uint64_t records) {
  if ((misc & kLostByFilter) != 0) return;  // left out on purpose
  const std::lock_guard lock(lost_mutex_);
  lost_sum_ += records;
  counts_.lost = std::max(lost_told_, lost_sum_);
}

std::map<int32_t, uint64_t> Decoder::lost_by_cpu() const {
  const std::lock_guard lock(lost_mutex_);
  auto by_cpu = lost_by_cpu_;
  if (lost_sum_ > lost_told_) by_cpu[-1] += lost_sum_ - lost_told_;
  return by_cpu;
}

}  // namespace oc::session
