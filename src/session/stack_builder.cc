#include "session/stack_builder.h"

#include <linux/perf_event.h>

#include "base/bytes.h"

namespace oc::session {

using base::load;
using process::FrameId;
using process::StackEnd;

namespace {

constexpr uint32_t kKernelDepth =
    127;  // PERF_MAX_STACK_DEPTH, where the attribute asks for no other

/// The cpumode of what follows a marker in a call chain; of an unknown one, that of what is nowhere.
uint16_t mode_of(uint64_t marker) {
  switch (marker) {
    case static_cast<uint64_t>(PERF_CONTEXT_HV):
      return PERF_RECORD_MISC_HYPERVISOR;
    case static_cast<uint64_t>(PERF_CONTEXT_KERNEL):
      return PERF_RECORD_MISC_KERNEL;
    case static_cast<uint64_t>(PERF_CONTEXT_USER):
      return PERF_RECORD_MISC_USER;
    case static_cast<uint64_t>(PERF_CONTEXT_GUEST_KERNEL):
      return PERF_RECORD_MISC_GUEST_KERNEL;
    default:
      return PERF_RECORD_MISC_GUEST_USER;
  }
}

}  // namespace

StackBuilder::StackBuilder(StackTables& tables, const event::EventTable& events, StackMode mode)
    : tables_(tables), mode_(mode), finder_(tables.spaces, tables.frames), code_(tables.spaces) {
  for (uint32_t i = 0; i < events.size(); ++i) {
    const auto& attr = events[i].attr;
    Kind kind;
    kind.layout = &events[i].layout;
    kind.has_ip = kind.layout->ip != event::kAbsent;
    kind.has_chain = (attr.sample_type & PERF_SAMPLE_CALLCHAIN) != 0;
    kind.has_user_part = kind.has_chain && attr.exclude_callchain_user == 0;
    kind.most_frames = attr.sample_max_stack != 0 ? attr.sample_max_stack : kKernelDepth;
    kinds_.push_back(kind);
  }
}

FrameId StackBuilder::frame_of(uint16_t mode, const oc_event& event, uint64_t address,
                               bool is_return) {
  switch (mode) {
    case PERF_RECORD_MISC_KERNEL:
    case PERF_RECORD_MISC_HYPERVISOR:
      return finder_.kernel(address, is_return);
    case PERF_RECORD_MISC_USER:
      return finder_.user(tables_.spaces.find(event.pid), event.pid, address, is_return);
    default:
      return finder_.guest(address, is_return);
  }
}

void StackBuilder::read_chain(const Kind& kind, const oc_event& event,
                              std::span<const uint8_t> chain, uint16_t mode) {
  const process::CodeMap& map = tables_.spaces.find(event.pid);
  bool is_return = false;
  for (size_t at = 0; at + 8 <= chain.size(); at += 8) {
    const auto address = load<uint64_t>(chain.data() + at);
    if (address >= static_cast<uint64_t>(PERF_CONTEXT_MAX)) {
      mode = mode_of(address);
      is_return = false;
      continue;
    }
    const bool is_user = mode == PERF_RECORD_MISC_USER;
    const FrameId id = is_user ? finder_.user(map, event.pid, address, is_return)
                               : frame_of(mode, event, address, is_return);
    draft_.frames.push_back(id.value);
    if (mode == PERF_RECORD_MISC_KERNEL || mode == PERF_RECORD_MISC_HYPERVISOR)
      draft_.kernel_frames = static_cast<uint32_t>(draft_.frames.size());
    is_return = true;
  }
  if (draft_.frames.size() >= kind.most_frames) {
    draft_.end = StackEnd::kTooDeep;
  } else if (!kind.has_user_part) {
    draft_.end = StackEnd::kNoUserStack;
  }
}

void StackBuilder::add(const uint8_t* record, const source::RecordHeader& header, uint32_t index,
                       oc_event& event) {
  const Kind& kind = kinds_[index];
  const uint16_t mode = header.misc & PERF_RECORD_MISC_CPUMODE_MASK;
  if (kind.has_ip) {
    const auto address = load<uint64_t>(record + kind.layout->ip);
    event.frame = frame_of(mode, event, address, false).value;
  }
  if (mode_ == StackMode::kNone) return;
  draft_.frames.clear();
  draft_.kernel_frames = 0;
  draft_.end = StackEnd::kComplete;
  if (kind.has_chain) {
    const auto tail = event::read_tail(*kind.layout, record, header.size_bytes);
    read_chain(kind, event, tail.callchain, mode);
    if ((tail.present & PERF_SAMPLE_CALLCHAIN) == 0) draft_.end = StackEnd::kDamaged;
  } else {
    if (event.frame != 0) draft_.frames.push_back(event.frame);
    draft_.kernel_frames = mode == PERF_RECORD_MISC_KERNEL ? event.frame != 0 : 0;
    draft_.end = StackEnd::kNotRecorded;
  }
  deliver(event);
}

void StackBuilder::deliver(oc_event& event) {
  event.stack = tables_.stacks.intern(draft_.frames, draft_.kernel_frames, draft_.end).value;
  ++counts_.samples;
  counts_.frames += draft_.frames.size();
  ++counts_.by_end[static_cast<size_t>(draft_.end)];
}

void StackBuilder::finish_batch() { tables_.spaces.take_back(); }

}  // namespace oc::session
