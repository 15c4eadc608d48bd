// Decoder's part for the records that are not samples: what they tell the process model, losses, events of
// their own. Apart from decoder.cc, which is the hot path.

#include "base/bytes.h"
#include "event/kernel_record.h"
#include "session/decoder.h"

namespace oc::session {

using base::load;
using event::EventTable;
using event::kAbsent;
using event::KernelRecord;
using source::RecordHeader;

namespace {
constexpr uint16_t kForkExec = 1u << 13;        // PERF_RECORD_MISC_FORK_EXEC
constexpr uint16_t kLostSamplesBpf = 1u << 15;  // PERF_RECORD_MISC_LOST_SAMPLES_BPF, tools/lib/perf
}  // namespace

/// The header's misc bits, without that of a build id where there can be none: when one recording of a machine asks
/// for them, Linux (seen in 6.18) marks the MMAP2 records of all others, too.
uint16_t Decoder::misc_of(const uint8_t* record, const RecordHeader& header) const {
  constexpr size_t kSizeAt = 40;
  constexpr uint8_t kMostBytes = 20;
  if (header.type != PERF_RECORD_MMAP2 || (header.misc & event::kMmapBuildId) == 0)
    return header.misc;
  const bool can_be =
      has_build_ids_ && header.size_bytes > kSizeAt && record[kSizeAt] <= kMostBytes;
  return can_be ? header.misc : static_cast<uint16_t>(header.misc & ~event::kMmapBuildId);
}

bool Decoder::kernel_record(const uint8_t* record, const RecordHeader& header, oc_event& event) {
  const uint16_t misc = misc_of(record, header);
  const int number = event::kernel_record_of(header.type, misc);
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
  if (selection_.keeps_side_records) keep_side_record(record, header);
  if (model_.log) model_.log->set_time(clock_.time(record, header));
  apply(number, event.payload, event.payload_size, event.cpu, event);
  if (stacks_ != nullptr) {
    stacks_->apply(header, misc, record, event.payload_size + sizeof header,
                   clock_.time(record, header));
  }
  if (selection_.wanted[event.event] == 0) return false;
  if (trailer_kind == selection_.heard_only && trailer_kind != EventTable::kUnknown) return false;
  const bool is_loss = number == static_cast<int>(KernelRecord::kLost) ||
                       number == static_cast<int>(KernelRecord::kLostSamples);
  if (chooses_ && !is_loss) {
    event.reserved |= marks_of({event.pid, event.tid}, event.cpu);
    if (event.reserved != 0 && selection_.of_everyone[event.event] == 0) return false;
  }
  if (selection_.own_pid >= 0 && event.pid == selection_.own_pid &&
      selection_.keep_own[event.event] == 0) {
    ++counts_.own;
    return false;
  }
  name_thread(event.pid, event.tid, event);
  return true;
}

/// For the batch: not what is of a moment; of losses those in the window, and sums, which have no time.
void Decoder::keep_side_record(const uint8_t* record, const RecordHeader& header) {
  if (source::is_of_a_moment(header.type)) return;
  if (header.type == PERF_RECORD_LOST || header.type == PERF_RECORD_LOST_SAMPLES) {
    const base::Nanos time = clock_.time(record, header);
    if (time != 0 && !window_.has(time)) return;
  }
  side_.push_back(record);
}

/// Of a record before the window.
void Decoder::apply_only(const uint8_t* record, const RecordHeader& header) {
  oc_event event;
  kernel_record(record, header, event);
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
      processes_.comm(event.pid, event.tid, base::bounded_text(body + 8, size_bytes - 8),
                      static_cast<KernelRecord>(number) == KernelRecord::kExec);
      if (static_cast<KernelRecord>(number) == KernelRecord::kExec)
        selection_.tasks.exec(event.pid);
      break;
    case KernelRecord::kFork:
      event.pid = word(4);
      event.tid = word(12);
      processes_.fork(word(0), word(8), word(4), word(12),
                      (source::record_header(event.record).misc & kForkExec) != 0);
      selection_.tasks.fork(word(0), word(8), word(4));
      break;
    case KernelRecord::kExit:
      event.pid = word(0);
      event.tid = word(8);
      processes_.exit(event.pid, event.tid);
      break;
    case KernelRecord::kMmap:
    case KernelRecord::kMmap2:
    case KernelRecord::kMmap2BuildId:
    case KernelRecord::kNamespaces:
    case KernelRecord::kItraceStart:
    case KernelRecord::kRead:
      event.pid = word(0);
      event.tid = word(4);
      break;
    case KernelRecord::kLost:
      count_lost(event.record, cpu, load<uint64_t>(body + 8));
      break;
    case KernelRecord::kLostSamples:
      count_lost_samples(event, load<uint64_t>(body));
      break;
    case KernelRecord::kThrottle:
      ++counts_.throttled;
      break;
    case KernelRecord::kCgroup:
      model_.cgroups.add(load<uint64_t>(body), base::bounded_text(body + 8, size_bytes - 8));
      break;
    default:
      break;
  }
}

/// The kernel's own LOST_SAMPLES are further losses (of PEBS). Those without a time are sums that were read from the
/// kernel when the recording ended (session/loss_records.h): what LOST records told, and what was lost after them.
void Decoder::count_lost_samples(const oc_event& event, uint64_t records) {
  const uint8_t* const record = event.record;
  const RecordHeader header = source::record_header(record);
  if (header.misc & kLostSamplesBpf) return;  // left out by the user's filter
  if (clock_.time(record, header) != 0) return count_lost(record, event.cpu, records);
  const bool has_cpu = event.pid == -1;  // perf's have zeros
  losses_.add_sum(has_cpu ? event.cpu : -1, clock_.kind_of_trailer(record, header.size_bytes),
                  records);
}

void Decoder::count_lost(const uint8_t* record, int32_t cpu, uint64_t records) {
  const base::Nanos time = clock_.time(record, source::record_header(record));
  if (time == 0 || selection_.window.is_slice || window_.has(time))
    return losses_.add(cpu, records);
  losses_.add_outside(records);
}

}  // namespace oc::session
