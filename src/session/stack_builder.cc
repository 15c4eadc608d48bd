#include "session/stack_builder.h"

#include <linux/perf_event.h>

#include <algorithm>

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

StackBuilder::StackBuilder(StackTables& tables, const event::EventTable& events, StackMode mode,
                           MakeUnwinding make_unwinding)
    : tables_(tables),
      mode_(mode),
      finder_(tables.spaces, tables.frames),
      code_(tables),
      make_unwinding_(std::move(make_unwinding)) {
  learn_kinds(events);
}

void StackBuilder::learn_kinds(const event::EventTable& events) {
  for (uint32_t i = static_cast<uint32_t>(kinds_.size()); i < events.size(); ++i) {
    const auto& attr = events[i].attr;
    Kind kind;
    kind.layout = &events[i].layout;
    kind.has_ip = kind.layout->ip != event::kAbsent;
    kind.has_chain = (attr.sample_type & PERF_SAMPLE_CALLCHAIN) != 0;
    kind.has_user_part = kind.has_chain && attr.exclude_callchain_user == 0;
    const bool has_stack = (attr.sample_type & PERF_SAMPLE_REGS_USER) != 0 &&
                           (attr.sample_type & PERF_SAMPLE_STACK_USER) != 0;
    kind.unwinds =
        has_stack && make_unwinding_ &&
        (mode_ == StackMode::kUnwind || (mode_ == StackMode::kChains && !kind.has_user_part));
    kind.most_frames = attr.sample_max_stack != 0 ? attr.sample_max_stack : kKernelDepth;
    // perf asks for the kernel's limit in any case, also where it means no limit.
    const bool is_limited = attr.sample_max_stack != 0 && attr.sample_max_stack != kKernelDepth;
    kind.most_unwound = is_limited ? attr.sample_max_stack : ~uint32_t{0};
    kinds_.push_back(kind);
  }
}

FrameId StackBuilder::frame_of(uint16_t mode, const Code& code, uint64_t address, bool is_return) {
  switch (mode) {
    case PERF_RECORD_MISC_KERNEL:
    case PERF_RECORD_MISC_HYPERVISOR:
      return finder_.kernel(address, is_return);
    case PERF_RECORD_MISC_USER:
      return finder_.user(code.map, code.pid, address, is_return);
    default:
      return finder_.guest(address, is_return);
  }
}

/// `has_stack`: the sample's own user stack is there to be unwound instead of the chain's user frames.
void StackBuilder::read_chain(const Kind& kind, const Code& code, std::span<const uint8_t> chain,
                              uint16_t mode, bool has_stack) {
  bool is_return = false;
  for (size_t at = 0; at + 8 <= chain.size(); at += 8) {
    const auto address = load<uint64_t>(chain.data() + at);
    if (address >= static_cast<uint64_t>(PERF_CONTEXT_MAX)) {
      mode = mode_of(address);
      is_return = false;
      if (has_stack && mode == PERF_RECORD_MISC_USER) return;  // it is unwound
      continue;
    }
    draft_.frames.push_back(frame_of(mode, code, address, is_return).value);
    if (mode == PERF_RECORD_MISC_KERNEL || mode == PERF_RECORD_MISC_HYPERVISOR)
      draft_.kernel_frames = static_cast<uint32_t>(draft_.frames.size());
    is_return = true;
  }
  if (draft_.frames.size() >= kind.most_frames) {
    draft_.end = StackEnd::kTooDeep;
  } else if (!kind.has_user_part && !kind.unwinds && !has_user_frames()) {
    draft_.end = StackEnd::kNoUserStack;
  }
}

void StackBuilder::add(const uint8_t* record, const source::RecordHeader& header, uint32_t index,
                       oc_event& event) {
  const Kind& kind = kinds_[index];
  const uint16_t mode = header.misc & PERF_RECORD_MISC_CPUMODE_MASK;
  const Code code{tables_.spaces.find(event.pid), event.pid};
  event.stack = event.frame = 0;
  if (kind.has_ip) {
    const auto address = load<uint64_t>(record + kind.layout->ip);
    event.frame = frame_of(mode, code, address, false).value;
  }
  if (mode_ == StackMode::kNone) return;
  draft_.frames.clear();
  draft_.kernel_frames = 0;
  draft_.end = StackEnd::kComplete;
  if (kind.has_chain || kind.unwinds) {
    const auto tail = event::read_tail(*kind.layout, record, header.size_bytes);
    // simpleperf unwinds while it records: the asked for parts are empty then, what came of them is in the chain.
    const bool has_stack = kind.unwinds && !tail.user_regs.empty() && !tail.user_stack.empty();
    read_chain(kind, code, tail.callchain, mode, has_stack);
    if (kind.has_chain && (tail.present & PERF_SAMPLE_CALLCHAIN) == 0)
      draft_.end = StackEnd::kDamaged;
    const bool is_unwound = kind.unwinds && (has_stack || !has_user_frames());
    if (is_unwound && postpone(kind, tail, event)) return;
    count_chain(kind);
  } else {
    draft_.end = StackEnd::kNotRecorded;
  }
  if (draft_.frames.empty() && event.frame != 0) {
    draft_.frames.push_back(event.frame);
    draft_.kernel_frames = mode == PERF_RECORD_MISC_KERNEL ? 1 : 0;
  }
  deliver(event);
}

void StackBuilder::count_chain(const Kind& kind) {
  constexpr size_t kShort = 2;
  const size_t user_frames = draft_.frames.size() - draft_.kernel_frames;
  if (!kind.has_user_part || kind.unwinds || user_frames == 0) return;
  ++counts_.chains;
  if (user_frames <= kShort) ++counts_.short_chains;
}

/// False: there is no user part, as of the kernel's own threads.
bool StackBuilder::postpone(const Kind& kind, const event::SampleTail& tail, oc_event& event) {
  if (tail.user_regs_abi == PERF_SAMPLE_REGS_ABI_NONE) {
    if (tail.damaged) draft_.end = StackEnd::kDamaged;
    return false;
  }
  if (!unwinding_) unwinding_ = make_unwinding_(finder_);
  UnwindJob job;
  job.map = &tables_.spaces.lend(event.pid);
  job.pid = event.pid;
  job.index = static_cast<uint32_t>(pending_.size());
  job.abi = tail.user_regs_abi;
  job.mask = kind.layout->regs_user;
  job.registers = tail.user_regs;
  job.stack = tail.user_stack;
  jobs_.push_back(job);
  Pending pending;
  pending.event = &event;
  pending.kind = static_cast<uint32_t>(&kind - kinds_.data());
  pending.first = static_cast<uint32_t>(begun_.size());
  pending.count = static_cast<uint32_t>(draft_.frames.size());
  pending.kernel_frames = draft_.kernel_frames;
  begun_.insert(begun_.end(), draft_.frames.begin(), draft_.frames.end());
  pending_.push_back(pending);
  return true;
}

void StackBuilder::finish_pending(const UnwindJob& job, std::span<const uint32_t> frames) {
  const Pending& pending = pending_[job.index];
  const auto begun = std::span(begun_).subspan(pending.first, pending.count);
  draft_.frames.assign(begun.begin(), begun.end());
  draft_.frames.insert(draft_.frames.end(), frames.begin(), frames.end());
  draft_.kernel_frames = pending.kernel_frames;
  draft_.end = job.end;
  const uint32_t most = kinds_[pending.kind].most_unwound;
  if (draft_.frames.size() > most) {
    draft_.frames.resize(most);
    draft_.kernel_frames = std::min(draft_.kernel_frames, most);
    draft_.end = StackEnd::kTooDeep;
  }
  ++counts_.unwound;
  counts_.unwound_frames += frames.size();
  deliver(*pending.event);
}

void StackBuilder::deliver(oc_event& event) {
  event.stack = tables_.stacks.intern(draft_.frames, draft_.kernel_frames, draft_.end).value;
  ++counts_.samples;
  counts_.frames += draft_.frames.size();
  ++counts_.by_end[static_cast<size_t>(draft_.end)];
}

void StackBuilder::finish_batch() {
  if (!jobs_.empty()) {
    unwinding_->run(jobs_, [this](const UnwindJob& job, std::span<const uint32_t> frames) {
      finish_pending(job, frames);
    });
    jobs_.clear();
    pending_.clear();
    begun_.clear();
  }
  tables_.spaces.take_back();
  publish_counts();
}

void StackBuilder::publish_counts() {
  counts_.stacks = tables_.stacks.size();
  counts_.distinct_frames = tables_.frames.size();
  counts_.modules = tables_.modules.size();
  counts_.untold_processes = code_.untold();
  counts_.size_bytes =
      tables_.stacks.size_bytes() + tables_.frames.size_bytes() + tables_.spaces.size_bytes();
  const std::lock_guard lock(published_mutex_);
  published_ = counts_;
}

}  // namespace oc::session
