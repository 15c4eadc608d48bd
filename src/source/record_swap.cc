#include "source/record_swap.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <vector>

#include "base/byte_order.h"
#include "event/field_bytes.h"
#include "event/kernel_record.h"

namespace oc::source {

using event::EventTable;
using event::kAbsent;

namespace {

constexpr uint32_t kCallchainDeferred = 22;  // PERF_RECORD_CALLCHAIN_DEFERRED
constexpr uint64_t kBranchHwIndex = 1ull << 17;
constexpr uint64_t kBranchCounters = 1ull << 19;
constexpr uint64_t kFormatLost = 1ull << 4;
constexpr uint64_t kWeightStruct = 1ull << 24;

/// Walks a record and turns what it passes; stays at the end once something does not fit.
class Turner {
 public:
  explicit Turner(std::span<uint8_t> bytes) : left_(bytes) {}

  template <typename T>
  T turn() {
    if (left_.size() < sizeof(T)) {
      left_ = {};
      return 0;
    }
    base::swap_at<T>(left_.data());
    const T value = base::load<T>(left_.data());
    left_ = left_.subspan(sizeof(T));
    return value;
  }
  void words(uint64_t count) {
    for (; count > 0 && !left_.empty(); --count) turn<uint64_t>();
  }
  std::span<uint8_t> pass(uint64_t size_bytes) {
    if (left_.size() < size_bytes) size_bytes = left_.size();
    const auto passed = left_.first(size_bytes);
    left_ = left_.subspan(size_bytes);
    return passed;
  }
  size_t remaining() const { return left_.size(); }

 private:
  std::span<uint8_t> left_;
};

/// The numbers at the beginning of a body, by the record's type: a digit is a number of so many bytes, "s" a
/// byte that stays, "*" as many words as are left. What follows is text or bytes.
std::string_view numbers_of(uint32_t type, uint16_t misc) {
  switch (type) {
    case PERF_RECORD_MMAP:
      return "44888";
    case PERF_RECORD_LOST:
      return "88";
    case PERF_RECORD_COMM:
    case PERF_RECORD_ITRACE_START:
    case PERF_RECORD_SWITCH_CPU_WIDE:
      return "44";
    case PERF_RECORD_EXIT:
    case PERF_RECORD_FORK:
      return "44448";
    case PERF_RECORD_THROTTLE:
    case PERF_RECORD_UNTHROTTLE:
    case PERF_RECORD_AUX:
      return "888";
    case PERF_RECORD_READ:
    case PERF_RECORD_NAMESPACES:
      return "44*";
    case PERF_RECORD_MMAP2:
      return (misc & event::kMmapBuildId) != 0 ? "44888ssssssssssssssssssssssss44" : "44888448844";
    case PERF_RECORD_LOST_SAMPLES:
    case PERF_RECORD_CGROUP:
    case PERF_RECORD_AUX_OUTPUT_HW_ID:
      return "8";
    case kCallchainDeferred:
      return "8*";
    case PERF_RECORD_KSYMBOL:
      return "8422";
    case PERF_RECORD_BPF_EVENT:
      return "224";
    case PERF_RECORD_TEXT_POKE:
      return "822";
    default:
      return "";
  }
}

void turn_numbers(Turner& at, std::string_view numbers) {
  for (const char size : numbers) {
    switch (size) {
      case '2':
        at.turn<uint16_t>();
        break;
      case '4':
        at.turn<uint32_t>();
        break;
      case '8':
        at.turn<uint64_t>();
        break;
      case 's':
        at.pass(1);
        break;
      default:
        at.words(at.remaining() / 8);
        break;
    }
  }
}

void turn_pair(std::span<uint8_t> record, size_t at) {
  base::swap_at<uint32_t>(record.data() + at);
  base::swap_at<uint32_t>(record.data() + at + 4);
}

void turn_read(Turner& at, uint64_t format) {
  const uint64_t extra = ((format & PERF_FORMAT_ID) != 0) + ((format & kFormatLost) != 0);
  const uint64_t times = ((format & PERF_FORMAT_TOTAL_TIME_ENABLED) != 0) +
                         ((format & PERF_FORMAT_TOTAL_TIME_RUNNING) != 0);
  const auto first = at.turn<uint64_t>();  // a value, or how many there are
  if ((format & PERF_FORMAT_GROUP) == 0) return at.words(times + extra);
  at.words(times);
  at.words(std::min<uint64_t>(first, at.remaining()) * (1 + extra));
}

void turn_branches(Turner& at, uint64_t branch_type) {
  const auto count = at.turn<uint64_t>();
  if ((branch_type & kBranchHwIndex) != 0) at.turn<uint64_t>();
  for (uint64_t i = 0; i < count && at.remaining() >= 24; ++i) {
    at.words(2);
    const auto flags = at.pass(8);
    const uint64_t turned = swapped_branch_flags(base::swapped(base::load<uint64_t>(flags.data())));
    std::memcpy(flags.data(), &turned, sizeof turned);
  }
  if ((branch_type & kBranchCounters) != 0) at.words(std::min<uint64_t>(count, at.remaining()));
}

void turn_regs(Turner& at, uint64_t mask) {
  if (at.turn<uint64_t>() != 0) at.words(static_cast<uint64_t>(std::popcount(mask)));
}

void turn_stack(Turner& at) {
  const auto size = at.turn<uint64_t>();
  if (size == 0) return;
  at.pass(size);
  at.turn<uint64_t>();
}

/// From READ on; see event/sample_tail.cc, which reads the same.
void turn_tail(Turner& at, const event::SampleLayout& layout,
               const std::optional<PayloadSwapper>& swapper) {
  const auto has = [&](uint64_t bits) { return (layout.sample_type & bits) != 0; };
  if (has(PERF_SAMPLE_READ)) turn_read(at, layout.read_format);
  if (has(PERF_SAMPLE_CALLCHAIN))
    at.words(std::min<uint64_t>(at.turn<uint64_t>(), at.remaining() / 8));
  if (has(PERF_SAMPLE_RAW)) {
    const auto payload = at.pass(at.turn<uint32_t>());
    if (swapper) swapper->swap(payload);
  }
  if (has(PERF_SAMPLE_BRANCH_STACK)) turn_branches(at, layout.branch_sample_type);
  if (has(PERF_SAMPLE_REGS_USER)) turn_regs(at, layout.regs_user);
  if (has(PERF_SAMPLE_STACK_USER)) turn_stack(at);
  // A struct of weights (u32, u16, u16) is laid out so that the word as a whole means the same.
  if (has(PERF_SAMPLE_WEIGHT | kWeightStruct)) at.words(1);
  if (has(PERF_SAMPLE_DATA_SRC)) at.words(1);
  if (has(PERF_SAMPLE_TRANSACTION)) at.words(1);
  if (has(PERF_SAMPLE_REGS_INTR)) turn_regs(at, layout.regs_intr);
  for (const uint64_t bit : {PERF_SAMPLE_PHYS_ADDR, PERF_SAMPLE_CGROUP, PERF_SAMPLE_DATA_PAGE_SIZE,
                             PERF_SAMPLE_CODE_PAGE_SIZE})
    if (has(bit)) at.words(1);
  if (has(PERF_SAMPLE_AUX)) at.turn<uint64_t>();  // its size; bytes follow
}

void swap_elements(std::span<uint8_t> bytes, uint32_t size) {
  for (; bytes.size() >= size; bytes = bytes.subspan(size)) {
    if (size == 2) base::swap_at<uint16_t>(bytes.data());
    if (size == 4) base::swap_at<uint32_t>(bytes.data());
    if (size == 8) base::swap_at<uint64_t>(bytes.data());
  }
}

}  // namespace

uint64_t swapped_branch_flags(uint64_t flags) {
  // mispred predicted in_tx abort cycles type spec new_type priv
  constexpr uint32_t kWidths[] = {1, 1, 1, 1, 16, 4, 2, 4, 3};
  uint64_t out = 0;
  uint32_t at = 0;
  for (const uint32_t width : kWidths) {
    out |= (flags >> (64 - at - width) & ((1ull << width) - 1)) << at;
    at += width;
  }
  return out;
}

PayloadSwapper::PayloadSwapper(const event::EventFormat& format) {
  using event::FieldKind;
  for (const event::Field& field : format.fields) {
    if (field.kind == FieldKind::kChars || field.kind == FieldKind::kBytes) continue;
    const bool is_array = field.kind == FieldKind::kArray;
    add({field.offset, field.size, is_array ? field.element_size : field.size});
    if (field.kind == FieldKind::kDynamicArray && field.element_size > 1) arrays_.push_back(field);
  }
}

void PayloadSwapper::add(const Step& step) {
  if (step.element < 2) return;
  for (const Step& earlier : steps_) {
    if (step.at >= earlier.at &&
        (earlier.size_bytes == 0 || step.at - earlier.at < earlier.size_bytes))
      return;
  }
  steps_.push_back(step);
}

void PayloadSwapper::swap(std::span<uint8_t> payload) const {
  size_t reached = 0;
  for (const Step& step : steps_) {
    if (step.at >= payload.size() || step.size_bytes > payload.size() - step.at) continue;
    const auto rest = payload.subspan(step.at);
    swap_elements(step.size_bytes == 0 ? rest : rest.first(step.size_bytes), step.element);
    reached = std::max(reached, step.at + step.size_bytes);
  }
  for (const event::Field& field : arrays_) {
    const auto found = event::field_bytes(field, payload);  // its place is turned already
    if (found.size == 0) continue;
    const auto at = static_cast<size_t>(found.data - payload.data());
    if (at < reached) continue;
    swap_elements(payload.subspan(at, found.size), field.element_size);
    reached = at + found.size;
  }
}

RecordSwapper::RecordSwapper(const EventTable& events) : events_(events) {
  for (uint32_t i = 0; i < events.size(); ++i) {
    payloads_.emplace_back();
    if (events[i].format) payloads_.back().emplace(*events[i].format);
  }
}

uint32_t RecordSwapper::kind_with_id(std::span<const uint8_t> record, size_t id_at) const {
  if (id_at + 8 > record.size()) return EventTable::kUnknown;
  return events_.find(base::swapped(base::load<uint64_t>(record.data() + id_at)));
}

void RecordSwapper::swap(std::span<uint8_t> record) const {
  const auto type = base::load<uint32_t>(record.data());
  if (type == PERF_RECORD_SAMPLE) return swap_sample(record);
  const size_t trailer = swap_trailer(record);
  Turner body(record.first(record.size() - trailer).subspan(8));
  turn_numbers(body, numbers_of(type, base::load<uint16_t>(record.data() + 4)));
}

void RecordSwapper::swap_sample(std::span<uint8_t> record) const {
  if (events_.size() == 0) return;
  uint32_t index = 0;
  if (events_.id_offset() != kAbsent) index = kind_with_id(record, events_.id_offset());
  // Of nobody's samples, and of those that are cut off, only id and time matter: they lie where others have
  // them.
  const bool is_known = index != EventTable::kUnknown;
  const auto& layout = events_[is_known ? index : 0].layout;
  for (size_t at = 8; at < layout.tail && at + 8 <= record.size(); at += 8) {
    if (at == layout.tid || at == layout.cpu) {
      turn_pair(record, at);
    } else {
      base::swap_at<uint64_t>(record.data() + at);
    }
  }
  if (!is_known || record.size() < layout.tail) return;
  Turner tail(record.subspan(layout.tail));
  turn_tail(tail, layout, payloads_[index]);
}

size_t RecordSwapper::swap_trailer(std::span<uint8_t> record) const {
  if (events_.size() == 0) return 0;
  uint32_t index = 0;
  const auto& first = events_[0].layout;
  if (events_.size() > 1 && events_.trailer_id_offset() != kAbsent && first.trailer_size != 0 &&
      record.size() >= 8u + first.trailer_size) {
    const bool last_word = first.trailer_identifier != kAbsent;
    const size_t id_at = last_word
                             ? record.size() - 8
                             : record.size() - first.trailer_size + events_.trailer_id_offset();
    const uint32_t found = kind_with_id(record, id_at);
    if (found != EventTable::kUnknown) index = found;
  }
  const auto& layout = events_[index].layout;
  if (record.size() < 8u + layout.trailer_size) return 0;
  const size_t begin = record.size() - layout.trailer_size;
  for (size_t at = 0; at < layout.trailer_size; at += 8) {
    if (at == layout.trailer_tid || at == layout.trailer_cpu) {
      turn_pair(record, begin + at);
    } else {
      base::swap_at<uint64_t>(record.data() + begin + at);
    }
  }
  return layout.trailer_size;
}

}  // namespace oc::source
