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
constexpr uint16_t kLostSamplesBpf = 1u << 15;  // PERF_RECORD_MISC_LOST_SAMPLES_BPF, tools/lib/perf
constexpr uint64_t kRecordsBetweenChecks = 1u << 20;
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
  chooses_ = selection_.tasks.selects() || !selection_.cpus.empty();
  make_tags();
}

/// The kind of a sample that is wanted (or belongs to nobody): where the table of `make_tags` does not say.
uint32_t Decoder::classify_slowly(const uint8_t* record, const RecordHeader& header) const {
  const uint32_t index = clock_.kind_of_sample(record, header.size_bytes);
  return index == EventTable::kUnknown ? index : wanted_or_skip(index);
}

uint32_t Decoder::wanted_or_skip(uint32_t index) const {
  return kinds_[index].is_wanted ? index : source::Merger::kSkip;
}

/// Fills the table that the merge classifies by, where samples carry ids that lie close together.
void Decoder::make_tags() {
  const EventTable& events = source_.events();
  id_end_ = UINT32_MAX;
  if (events.id_offset() == kAbsent || events.dense().empty()) return;
  id_end_ = events.id_offset() + 8u;
  first_id_ = events.first_id();
  for (const uint32_t entry : events.dense()) {
    const uint32_t index = entry & 0xffff;
    const bool is_known = index != EventTable::kUnknown;
    tags_.push_back(is_known ? Tag{wanted_or_skip(index), entry >> 16} : Tag{index, UINT32_MAX});
  }
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

inline void Decoder::name_thread(oc_event& event) {
  if (event.tid < 0) {  // a thread that was reaped already, or nobody recorded which
    event.comm = processes_.find_or_add(-1, -1).comm.value;  // ":-1", as perf says
    event.thread = 0;
    return;
  }
  const process::Thread& thread = processes_.find_or_add(event.pid, event.tid);
  event.comm = thread.comm.value;
  event.thread = thread.id;
}

inline bool Decoder::sample(const uint8_t* record, const RecordHeader& header, uint32_t index,
                            oc_event& event) {
  const Kind& kind = kinds_[index];
  event.record = record;
  event.event = event::kKernelRecords + index;
  event.pid = kind.tid != kAbsent ? load<int32_t>(record + kind.tid) : -1;
  event.tid = kind.tid != kAbsent ? load<int32_t>(record + kind.tid + 4) : -1;
  event.cpu = kind.cpu != kAbsent ? load<int32_t>(record + kind.cpu) : -1;
  if (!kind.keep_own && event.pid == selection_.own_pid) {
    ++counts_.own;
    return false;
  }
  if (!place_payload(kind, record, header.size_bytes, event)) {
    ++counts_.malformed;
    return false;
  }
  if (chooses_ && !is_chosen(event)) return false;
  name_thread(event);
  return true;
}

/// Whether the target has this event's thread and CPU, where the source has more than those.
bool Decoder::is_chosen(const oc_event& event) {
  const auto& cpus = selection_.cpus;
  if (!cpus.empty() && std::find(cpus.begin(), cpus.end(), event.cpu) == cpus.end()) return false;
  return !selection_.tasks.selects() ||
         selection_.tasks.admits(event.pid, event.tid, processes_, processes_.names());
}

base::Status Decoder::fill(std::chrono::milliseconds wait, Batch& batch) {
  batch.count = 0;
  batch.is_last = false;
  give_back();
  const uint64_t records_before = counts_.records;
  bool stopped = false;
  bool hand_over = false;
  base::Status read;
  for (;;) {
    stopped = drain(batch);
    batch.is_last = past_end_ || (is_last_ && !stopped);
    if (batch.is_last || stopped || hand_over || (selection_.is_live && batch.count > 0)) break;
    if (read = source_.next_round(wait, round_); !read) break;  // what was read before is whole
    take_over_round();
    // Live: hand over what there is rather than wait, so that timers fire. Recorded: now and then,
    // so that a trace without a wanted event can be stopped.
    hand_over = selection_.is_live || counts_.records - records_before > kRecordsBetweenChecks;
  }
  counts_.start_time = selection_.start;
  counts_.last_time = stopped ? newest_ : std::max(newest_, horizon_);
  batch.until = until(stopped);
  batch.counts = counts_;
  return read;
}

/// Moves what may go into the batch; true when it is full or the run is past its end. The hot loop: what
/// it changes per record is local, and everything it calls per event is in line.
bool Decoder::drain(Batch& batch) {
  oc_event* const first = batch.events.data() + batch.count;
  const uint64_t room = std::min<uint64_t>(batch.events.size() - batch.count,
                                           selection_.max_events - counts_.delivered);
  oc_event* const full = first + room;
  oc_event* out = first;
  base::Nanos newest = newest_;
  const base::Nanos end = end_;
  const base::Nanos start = selection_.start;
  const auto kinds = static_cast<uint32_t>(kinds_.size());

  // Copies: the compiler must assume that writing an event changes members.
  const Tag* const tags = tags_.data();
  const uint64_t tag_count = tags_.size();
  const uint64_t first_id = first_id_;
  const uint32_t id_end = id_end_;
  const auto classify = [=, this](const uint8_t* record, const RecordHeader& header) {
    if (header.type != PERF_RECORD_SAMPLE) return kRecord;
    if (header.size_bytes >= id_end) {
      const uint64_t slot = load<uint64_t>(record + id_end - sizeof(uint64_t)) - first_id;
      if (slot < tag_count && header.size_bytes >= tags[slot].tail) return tags[slot].kind;
    }
    return classify_slowly(record, header);
  };
  const auto visit = [&](const uint8_t* record, const RecordHeader& header, base::Nanos time,
                         uint32_t kind) {
    if (time < newest || time > end) {
      newest = odd_time(time, newest);
      if (past_end_) return false;
    } else {
      newest = time;
    }
    const bool is_event =
        kind < kinds ? sample(record, header, kind, *out) : other(record, header, kind, *out);
    if (!is_event) return true;
    out->time = time == 0 ? 0 : static_cast<double>(static_cast<int64_t>(time - start));
    return ++out != full;
  };
  const bool stopped =
      room == 0 || merger_.drain(is_last_ ? UINT64_MAX : horizon_, classify, visit);

  newest_ = newest;
  batch.count += static_cast<uint32_t>(out - first);
  counts_.delivered += static_cast<uint64_t>(out - first);
  if (counts_.delivered >= selection_.max_events) past_end_ = true;
  return stopped;
}

void Decoder::take_over_round() {
  for (const source::Span& span : round_.spans) {
    if (span.stream >= handed_.size()) handed_.resize(span.stream + 1);
    handed_[span.stream] = span.position + static_cast<uint64_t>(span.end - span.begin);
  }
  if (round_.handed != 0) {
    if (handed_.empty()) handed_.resize(1);
    handed_[0] = round_.handed;
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
  if (handed_.empty()) return;
  needed_ = handed_;
  merger_.lower_to_needed(needed_);
  if (selection_.batches_ahead > 0) {
    needed_before_.push_back(needed_);
    if (needed_before_.size() <= selection_.batches_ahead) return;
    needed_ = std::move(needed_before_.front());
    needed_before_.pop_front();
  }
  for (uint32_t stream = 0; stream < needed_.size(); ++stream) {
    source_.release(stream, needed_[stream]);
  }
}

/// The rare cases of a record's time: none, late, beyond the asked span. Returns the newest time.
base::Nanos Decoder::odd_time(base::Nanos time, base::Nanos newest) {
  if (time == 0) return newest;
  if (time < newest) {
    ++counts_.late;
    return newest;
  }
  past_end_ = true;
  return end_;
}

bool Decoder::other(const uint8_t* record, const RecordHeader& header, uint32_t kind,
                    oc_event& event) {
  if (kind == kRecord) return kernel_record(record, header, event);
  ++counts_.unknown;
  return false;
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

bool Decoder::kernel_record(const uint8_t* record, const RecordHeader& header, oc_event& event) {
  const int number = event::kernel_record_of(header.type, header.misc);
  if (number < 0) return false;
  const EventTable& events = clock_.events();
  const uint32_t trailer_kind = clock_.kind_of_trailer(record, header.size_bytes);
  event = oc_event{};
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
    return false;
  }
  apply(number, event.payload, event.payload_size, event.cpu, event);
  if (selection_.wanted[event.event] == 0) return false;
  if (trailer_kind == selection_.heard_only && trailer_kind != EventTable::kUnknown) return false;
  const bool is_loss = number == static_cast<int>(KernelRecord::kLost) ||
                       number == static_cast<int>(KernelRecord::kLostSamples);
  if (chooses_ && !is_loss && !is_chosen(event)) return false;
  if (selection_.own_pid >= 0 && event.pid == selection_.own_pid &&
      selection_.keep_own[event.event] == 0) {
    ++counts_.own;
    return false;
  }
  name_thread(event);
  return true;
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
      selection_.tasks.fork(word(0), word(8), word(4));
      break;
    case KernelRecord::kExit:
      event.pid = word(0);
      event.tid = word(8);
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
      count_lost_samples(event.record, cpu, load<uint64_t>(body));
      break;
    default:
      break;
  }
}

/// The kernel's own LOST_SAMPLES are further losses (of PEBS). Those without a time are sums that perf
/// read from the kernel when it ended: what LOST records told, and what was lost after the last of them.
void Decoder::count_lost_samples(const uint8_t* record, int32_t cpu, uint64_t records) {
  const RecordHeader header = source::record_header(record);
  if (header.misc & kLostSamplesBpf) return;  // left out by the user's filter
  if (clock_.time(record, header) != 0) return count_lost(cpu, records);
  const std::lock_guard lock(lost_mutex_);
  lost_by_sums_ += records;
}

void Decoder::count_lost(int32_t cpu, uint64_t records) {
  const std::lock_guard lock(lost_mutex_);
  lost_by_cpu_[cpu] += records;
}

std::map<int32_t, uint64_t> Decoder::lost_by_cpu() const {
  const std::lock_guard lock(lost_mutex_);
  auto lost = lost_by_cpu_;
  uint64_t told = 0;
  for (const auto& [cpu, records] : lost) told += records;
  if (lost_by_sums_ > told) lost[-1] += lost_by_sums_ - told;
  return lost;
}

}  // namespace oc::session
