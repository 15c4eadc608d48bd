#include "session/decoder.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "event/sample_tail.h"
#include "session/other_thread.h"

namespace oc::session {

using base::load;
using event::EventTable;
using event::kAbsent;
using source::RecordHeader;
using source::Window;

namespace {
constexpr uint64_t kRecordsBetweenChecks = 1u << 20;
}  // namespace

Decoder::Decoder(source::Source& source, TraceModel& model, Selection selection)
    : source_(source),
      model_(model),
      stacks_(model.stacks.builder()),
      processes_(model.processes),
      selection_(std::move(selection)),
      clock_(source.events()),
      merger_(clock_) {
  const bool chooses_tasks = selection_.tasks.selects() && !selection_.kernel_chose_tasks;
  chooses_ = chooses_tasks || !selection_.cpus.empty();
  learn_kinds();
  is_placed_ = selection_.window.is_all();
}

/// What is looked up per record, by the table of the source and what is wanted.
void Decoder::learn_kinds() {
  const EventTable& events = source_.events();
  selection_.wanted.resize(events.size() + event::kKernelRecords);
  selection_.keep_own.resize(selection_.wanted.size());
  selection_.unchosen.resize(selection_.wanted.size());
  selection_.of_everyone.resize(selection_.wanted.size());
  kinds_.clear();
  has_build_ids_ = false;
  for (uint32_t i = 0; i < events.size(); ++i) {
    kinds_.push_back(make_kind(i));
    has_build_ids_ |= events[i].attr.build_id != 0;
  }
  make_tags();
  find_skipped_types();
}

Decoder::Kind Decoder::make_kind(uint32_t index) const {
  const event::EventKind& of = source_.events()[index];
  Kind kind{};
  kind.tid = of.layout.tid;
  kind.cpu = of.layout.cpu;
  kind.raw = of.layout.raw;
  kind.tail = of.layout.tail;
  kind.has_raw = (of.layout.sample_type & PERF_SAMPLE_RAW) != 0;
  const uint32_t number = event::kKernelRecords + index;
  kind.keep_own = selection_.keep_own[number] != 0 || selection_.own_pid < 0;
  kind.is_chosen = chooses_ || selection_.unchosen[number] != 0;
  kind.is_handed_over = hand_overs_.has(index);
  kind.is_questioned = kind.is_chosen || kind.is_handed_over || !kind.keep_own;
  kind.is_wanted = selection_.wanted[number] != 0;
  kind.is_of_everyone = selection_.of_everyone[number] != 0;
  kind.other = kind.is_of_everyone ? other_thread_at(of) : kAbsent;
  kind.leaving = kind.is_chosen ? leaving_thread_at(of) : kAbsent;
  kind.min_payload = of.format ? of.format->fixed_size() : 0;
  return kind;
}

/// Types of records that happened at one moment, when nobody wants what they tell.
void Decoder::find_skipped_types() {
  constexpr uint32_t kTypes = 64;
  skipped_types_ = 0;
  wants_moments_ =
      std::any_of(kinds_.begin(), kinds_.end(), [](const Kind& k) { return k.is_wanted; });
  for (uint32_t type = 0; type < kTypes; ++type) {
    if (type == PERF_RECORD_SAMPLE || !source::is_of_a_moment(type)) continue;
    bool is_wanted = false;
    for (const uint16_t misc : {0, PERF_RECORD_MISC_SWITCH_OUT}) {
      const int number = event::kernel_record_of(type, misc);
      is_wanted = is_wanted || (number >= 0 && selection_.wanted[static_cast<size_t>(number)] != 0);
    }
    if (!is_wanted) skipped_types_ |= 1ull << type;
    wants_moments_ = wants_moments_ || is_wanted;
  }
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
  tags_.clear();
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

// In line wherever it is called: there are two drains, and compilers stop at two.
[[gnu::always_inline]] inline bool Decoder::place_payload(const Kind& kind, const uint8_t* record,
                                                          uint32_t size_bytes,
                                                          oc_event& event) const {
  if (kind.raw == kAbsent) return place_odd_payload(kind, record, size_bytes, event);
  // A sample of this kind is at least `tail` long, and RAW begins there.
  const uint32_t left = size_bytes - kind.raw;
  if (left < 4) return false;
  event.payload = record + kind.raw + 4;
  event.payload_size = load<uint32_t>(record + kind.raw);
  return event.payload_size <= left - 4 && event.payload_size >= kind.min_payload;
}

[[gnu::always_inline]] inline bool Decoder::sample(const uint8_t* record,
                                                   const RecordHeader& header, uint32_t index,
                                                   oc_event& event) {
  const Kind& kind = kinds_[index];
  const int32_t pid = kind.tid != kAbsent ? load<int32_t>(record + kind.tid) : -1;
  const int32_t tid = kind.tid != kAbsent ? load<int32_t>(record + kind.tid + 4) : -1;
  event.record = record;
  event.event = event::kKernelRecords + index;
  event.pid = pid;
  event.tid = tid;
  event.cpu = kind.cpu != kAbsent ? load<int32_t>(record + kind.cpu) : -1;
  event.reserved = 0;
  const bool is_whole = place_payload(kind, record, header.size_bytes, event);
  if ((!is_whole || kind.is_questioned) && !is_admitted(kind, event, is_whole)) return false;
  name_thread(pid, tid, event);
  return true;
}

base::Status Decoder::fill(std::chrono::milliseconds wait, Batch& batch) {
  batch.count = 0;
  batch.side.clear();
  batch.is_last = false;
  give_back();
  if (!hand_overs_.is_empty()) end_hand_overs();
  const uint64_t records_before = counts_.records;
  bool stopped = false;
  bool hand_over = false;
  base::Status read;
  for (;;) {
    stopped = drain(batch);
    batch.is_last = past_end_ || (is_last_ && !stopped);
    if (batch.is_last || stopped || hand_over) break;
    if (selection_.is_live && batch.count > 0 && !round_.has_more) break;
    if (read = source_.next_round(wait, round_); !read) break;  // what was read before is whole
    take_over_round();
    // Live: hand over what there is rather than wait, so that timers fire. Recorded: now and then,
    // so that a trace without a wanted event can be stopped.
    hand_over = (selection_.is_live && !round_.has_more) ||
                counts_.records - records_before > kRecordsBetweenChecks;
  }
  is_behind_ = stopped;
  counts_.start_time = selection_.start;
  counts_.window = window_;
  if (is_last_) counts_.end_time = horizon_;
  counts_.last_time = std::min(stopped ? newest_ : std::max(newest_, horizon_), window_.to);
  batch.until = until();
  batch.counts = counts_;
  return read;
}

/// Says of a record which kind of sample it is, that it is another record, or that nobody wants it. Copies:
/// the compiler must assume that writing an event changes the decoder's members.
struct Decoder::Classify {
  uint32_t operator()(const uint8_t* record, const RecordHeader& header) const {
    if (header.type != PERF_RECORD_SAMPLE) {
      const bool is_skipped = header.type < 64 && (skipped_types >> header.type & 1) != 0;
      return is_skipped ? source::Merger::kSkip : kRecord;
    }
    if (header.size_bytes >= id_end) {
      const uint64_t slot = load<uint64_t>(record + id_end - sizeof(uint64_t)) - first_id;
      if (slot < tag_count && header.size_bytes >= tags[slot].tail) return tags[slot].kind;
    }
    return decoder->classify_slowly(record, header);
  }

  const Decoder* decoder;
  const Tag* tags = decoder->tags_.data();
  uint64_t tag_count = decoder->tags_.size();
  uint64_t first_id = decoder->first_id_;
  uint32_t id_end = decoder->id_end_;
  uint64_t skipped_types = decoder->skipped_types_;
};

/// Whether records without a time are delivered: samples in one window of several, each record in one of them. All
/// of them see the same beginning, up to where the windows were placed.
bool Decoder::owns_timeless() const {
  if (!selection_.window.is_slice || is_beginning_) return window_.from == 0;
  return window_.to == Window::kNoEnd;
}

/// Tells the model what lies before the window; true when the batch is full of what has no time.
bool Decoder::pass_before_window(Batch& batch) {
  const bool owns = owns_timeless();
  const auto visit = [&](const uint8_t* record, const RecordHeader& header, base::Nanos time,
                         uint32_t tag) {
    if (tag != kRecord) return true;
    oc_event event;
    if (!kernel_record(record, header, event) || time != 0 || !owns) return true;
    event.time = 0;
    batch.events[batch.count] = event;
    ++counts_.delivered;
    return ++batch.count < batch.events.size();
  };
  const bool stopped = merger_.drain(std::min(horizon(), window_.from - 1), Classify{this}, visit);
  if (!stopped) newest_ = std::max(newest_, window_.from);
  return stopped;
}

bool Decoder::drain(Batch& batch) {
  return stacks_ != nullptr ? drain_into<true>(batch) : drain_into<false>(batch);
}

/// Moves what may go into the batch; true when it is full or the run is past its end. The hot loop: what
/// it changes per record is local, and everything it calls per event is in line.
template <bool kBuildsStacks>
[[gnu::flatten]] bool Decoder::drain_into(Batch& batch) {
  if (!is_placed_) return false;
  if (starts_late()) {
    const bool is_full = pass_before_window(batch);
    place_side_records(batch, batch.count);
    if (is_full) return true;
  }
  oc_event* const first = batch.events.data() + batch.count;
  const uint64_t room = std::min<uint64_t>(batch.events.size() - batch.count,
                                           selection_.max_events - counts_.delivered);
  const uint32_t count = batch.count;
  oc_event* const full = first + room;
  oc_event* out = first;
  base::Nanos newest = newest_;
  const base::Nanos start = selection_.start;
  const auto kinds = static_cast<uint32_t>(kinds_.size());

  const auto visit = [&](const uint8_t* record, const RecordHeader& header, base::Nanos time,
                         uint32_t kind) __attribute__((always_inline)) {
    if (time >= newest) {
      newest = time;
    } else if (!count_late(record, header, time)) {
      return true;
    }
    if constexpr (kBuildsStacks) stacks_->advance(time);
    bool is_event = false;
    if (kind < kinds) {
      is_event = sample(record, header, kind, *out);
    } else {
      is_event = other(record, header, kind, *out);
      if (!side_.empty()) place_side_records(batch, count + static_cast<uint32_t>(out - first));
    }
    if (!is_event) return true;
    if constexpr (kBuildsStacks) {
      if (kind < kinds) stacks_->add(record, header, kind, *out);
    }
    out->time = time == 0 ? 0 : static_cast<double>(static_cast<int64_t>(time - start));
    return ++out != full;
  };
  const bool stopped =
      room == 0 || merger_.drain(std::min(horizon(), window_.to), Classify{this}, visit);

  newest_ = newest;
  batch.count += static_cast<uint32_t>(out - first);
  place_side_records(batch, batch.count);
  counts_.delivered += static_cast<uint64_t>(out - first);
  // Past the horizon nothing can come any more, so what follows is beyond the window.
  if (counts_.delivered >= selection_.max_events || (!stopped && horizon_ > window_.to))
    past_end_ = true;
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
  is_beginning_ = !is_placed_;
  merger_.add(round_);
  counts_.records += round_.records;
  counts_.bytes += round_.bytes;
  horizon_ = std::max(horizon_, round_.horizon);
  is_last_ = round_.is_last;
  if (selection_.start == 0 && horizon_ != 0) selection_.start = merger_.oldest();
  place_window();
}

/// Once the beginning of the trace is known: from the second round on, or at the end of one without rounds.
void Decoder::place_window() {
  const base::Nanos start = selection_.start;
  if (start == 0 && !is_last_) return;
  if (!is_placed_) {
    selection_.marks.beginning = start;
    window_ = place(selection_.window, selection_.marks);
    is_placed_ = true;
  }
  const base::Nanos from = std::max(start, window_.from);
  window_.to = std::min(window_.to, from + std::min(selection_.max_span, Window::kNoEnd - from));
  // Who only wants to know of processes needs no sample, wherever it lies.
  source_.narrow(wants_moments_ ? window_ : Window{Window::kNoEnd, Window::kNoEnd});
}

/// Up to when everything has been delivered, in ns since the start.
double Decoder::until() const {
  const base::Nanos reached = counts_.last_time;
  return reached <= selection_.start ? 0 : static_cast<double>(reached - selection_.start);
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

/// The rare cases of a record's time: none, older than the one before, before the window (then only the
/// model is told). False when there is nothing more to do.
bool Decoder::count_late(const uint8_t* record, const RecordHeader& header, base::Nanos time) {
  if (time < window_.from || (time == 0 && !owns_timeless())) {
    if (header.type != PERF_RECORD_SAMPLE) apply_only(record, header);
    return false;
  }
  if (time != 0) ++counts_.late;
  return true;
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

}  // namespace oc::session
