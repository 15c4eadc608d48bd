#include "session/folded_sample.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::session {

namespace {

constexpr uint64_t kStackParts = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
constexpr uint32_t kMostRecordBytes = 65528;  // of a record: a multiple of 8 in 16 bits
constexpr uint64_t kUserMark = static_cast<uint64_t>(PERF_CONTEXT_USER);
constexpr uint32_t kWord = sizeof(uint64_t);

template <typename T>
uint8_t* put(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

uint8_t* put_bytes(uint8_t* at, const uint8_t* begin, const uint8_t* end) {
  return std::copy(begin, end, at);
}

}  // namespace

size_t append_folded(const uint8_t* record, uint32_t size_bytes, const event::SampleTail& tail,
                     std::span<const unwind::Frame> frames, std::vector<uint8_t>& out) {
  const uint8_t* const chain = tail.callchain.data();
  const uint8_t* const chain_end = chain + tail.callchain.size();
  const uint32_t rest = size_bytes - (tail.user_end - tail.user_begin);
  const uint32_t room = rest >= kMostRecordBytes ? 0 : (kMostRecordBytes - rest) / kWord;
  const size_t count = std::min<size_t>(frames.size(), room == 0 ? 0 : room - 1);
  const size_t words = count == 0 ? 0 : count + 1;
  const auto size = static_cast<uint16_t>(rest + words * kWord);

  const size_t start = out.size();
  out.resize(start + size);
  uint8_t* at = out.data() + start;
  const source::RecordHeader header = source::record_header(record);
  at = put(at, source::RecordHeader{header.type, header.misc, size});
  at = put_bytes(at, record + sizeof header, chain - kWord);
  at = put<uint64_t>(at, tail.callchain.size() / kWord + words);
  at = put_bytes(at, chain, chain_end);
  if (words != 0) at = put(at, kUserMark);
  for (const unwind::Frame& frame : frames.first(count)) at = put(at, frame.address);
  at = put_bytes(at, chain_end, record + tail.user_begin);
  put_bytes(at, record + tail.user_end, record + size_bytes);
  return count;
}

bool is_folded(const event::EventKind& kind) {
  const uint64_t type = kind.attr.sample_type;
  return (type & kStackParts) == kStackParts && (type & PERF_SAMPLE_CALLCHAIN) != 0 &&
         kind.attr.exclude_callchain_user != 0;
}

event::EventTable make_folded_events(const event::EventTable& events) {
  event::EventTable folded;
  const auto ids = events.ids_by_kind();
  for (uint32_t index = 0; index < events.size(); ++index) {
    event::EventKind kind = events[index];
    if (is_folded(kind)) {
      kind.attr.sample_type &= ~kStackParts;
      kind.attr.exclude_callchain_user = 0;
      kind.attr.sample_regs_user = 0;
      kind.attr.sample_stack_user = 0;
      if (kind.attr.sample_max_stack == 0)  // the kernel's own limit is none of ours
        kind.attr.sample_max_stack = kMostRecordBytes / kWord;
      kind.layout = event::make_layout(kind.attr);
    }
    folded.add(std::move(kind), ids[index]);
  }
  folded.finish();
  return folded;
}

}  // namespace oc::session
