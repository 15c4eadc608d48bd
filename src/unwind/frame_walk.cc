#include "unwind/frame_walk.h"

namespace oc::unwind {
namespace {

/// Steps that do not lead upwards before a stack is called a loop.
constexpr uint32_t kMaxOddSteps = 8;
/// arm64: the bits of an address of user space; above them is what pointer authentication put there.
constexpr uint64_t kArmAddressBits = (uint64_t{1} << 48) - 1;

uint64_t plain_address(Arch arch, uint64_t address) {
  return arch == Arch::kArm64 ? address & kArmAddressBits : address;
}

/// The address as linked, where there is a file.
std::optional<uint64_t> linked_address(const CodeRange& range, uint64_t address) {
  return range.rules->find_address(address - range.start + range.file_offset);
}

/// Null: nobody gave one.
const Rule* given_rule(const CodeRange& range, uint64_t lookup) {
  if (range.given == nullptr) return nullptr;
  return range.given->find(lookup - range.start + range.file_offset);
}

/// What expressions read: the kept stack, else what the mapped files hold.
class ProcessMemory : public Memory {
 public:
  ProcessMemory(const StackBytes& stack, CodeFinder& code) : stack_(stack), code_(code) {}

  bool read(uint64_t address, uint32_t size_bytes, uint64_t& value) override {
    if (stack_.read(address, size_bytes, value)) return true;
    const auto range = code_.find(address);
    if (!range || range->rules == nullptr) return false;
    const auto linked = linked_address(*range, address);
    if (!linked) return false;
    const auto bytes = range->rules->bytes_at(*linked);
    if (bytes.size() < size_bytes) return false;
    return StackBytes(address, bytes).read(address, size_bytes, value);
  }

 private:
  const StackBytes& stack_;
  CodeFinder& code_;
};

/// Of words.
uint64_t offset_of(int16_t words) { return static_cast<uint64_t>(int64_t{words} * 8); }

End end_of(Outcome outcome) {
  if (outcome == Outcome::kUnreadable) return End::kStackEnd;
  return outcome == Outcome::kUnknownRegister ? End::kNoRegisters : End::kBadRule;
}

}  // namespace

FrameWalk::FrameWalk(Job& job, RuleCache& cache, Counts& counts)
    : job_(job),
      cache_(cache),
      counts_(counts),
      stack_(job.registers->stack(), job.stack),
      epoch_(static_cast<uint32_t>(job.code->epoch())),
      all_(job.registers) {
  const Registers& registers = *job.registers;
  const Columns& columns = columns_of(registers.arch);
  cursor_.pointer = registers.pointer();
  cursor_.stack = registers.stack();
  cursor_.frame = registers.values[columns.frame];
  cursor_.knows_frame = registers.knows(columns.frame);
  cursor_.link = registers.values[columns.link];
  cursor_.knows_link = registers.arch == Arch::kArm64 && registers.knows(columns.link);
  job_.count = 0;
  job_.is_guessed = false;
  cache_.fetch(RuleCache::key_of(cursor_.pointer, false), epoch_);
}

bool FrameWalk::end(End reason) {
  job_.end = reason;
  return false;
}

bool FrameWalk::look() {
  const auto* entry = find_rule();
  if (entry == nullptr && job_.count != 0) return end(End::kNoMapping);
  if (job_.count == job_.frames.size()) return end(End::kTooDeep);
  Frame& frame = job_.frames[job_.count++];
  frame = {cursor_.pointer, 0, cursor_.is_return};
  if (entry == nullptr) return end(End::kNoMapping);
  frame.note = entry->note;
  if (entry->rule.is_signal_frame()) frame.is_return = false;
  return look_at(entry->rule);
}

bool FrameWalk::look_at(const Rule& rule) {
  switch (rule.kind) {
    case RuleKind::kStack:
      return expect(cursor_.stack + offset_of(rule.cfa), rule);
    case RuleKind::kFrame:
      if (!cursor_.knows_frame) return step_slow();
      return expect(cursor_.frame + offset_of(rule.cfa), rule);
    case RuleKind::kPlt: {
      const bool is_pushed = (cursor_.pointer & 15) >= static_cast<uint64_t>(rule.frame);
      return expect(cursor_.stack + (is_pushed ? 16 : 8), Rule{});
    }
    case RuleKind::kSlow:
      return step_slow();
    case RuleKind::kGuess:
      return step_guess();
    case RuleKind::kOutermost:
      return end(End::kComplete);
    case RuleKind::kUnreadable:
      return end(End::kUnreadable);
    case RuleKind::kBad:
      return end(End::kBadRule);
    case RuleKind::kNone:
      break;
  }
  return end(End::kNoRules);
}

bool FrameWalk::expect(uint64_t cfa, const Rule& rule) {
  cfa_ = cfa;
  rule_ = rule;
  has_moved_ = false;
  stack_.fetch(cfa + offset_of(rule.link));
  return true;
}

/// Null: no code is mapped there.
const RuleCache::Entry* FrameWalk::find_rule() {
  const uint64_t key = RuleCache::key_of(cursor_.pointer, cursor_.is_return);
  if (const auto* entry = cache_.find(key, epoch_); entry != nullptr) return entry;
  ++counts_.misses;
  const uint64_t lookup = cursor_.lookup();
  const auto range = job_.code->find(lookup);
  if (!range) return nullptr;
  RuleCache::Entry entry{key, epoch_, 0, load_rule(*range, lookup)};
  const bool is_return = cursor_.is_return && !entry.rule.is_signal_frame();
  entry.note = job_.code->note(*range, cursor_.pointer, is_return);
  return cache_.add(entry);
}

Rule FrameWalk::load_rule(const CodeRange& range, uint64_t lookup) const {
  Rule rule;
  if (const Rule* const given = given_rule(range, lookup); given != nullptr) return *given;
  if (range.rules == nullptr || range.rules->arch() != job_.registers->arch) {
    rule.kind = range.is_memory ? RuleKind::kGuess : RuleKind::kUnreadable;
    return rule;
  }
  const auto address = linked_address(range, lookup);
  return address ? range.rules->find(*address) : rule;
}

bool FrameWalk::move() {
  if (has_moved_) return true;
  uint64_t pointer = cursor_.link;
  if (cfa_ < cursor_.stack && !rule_.is_signal_frame()) return end(End::kNoProgress);
  if (rule_.link != Rule::kKept) {
    if (!stack_.read(cfa_ + offset_of(rule_.link), pointer)) return end(End::kStackEnd);
  } else if (!cursor_.knows_link) {
    return end(End::kNoProgress);  // a caller's link register holds where it returned to itself
  }
  if (rule_.frame != Rule::kKept) {
    const uint64_t at = cfa_ + offset_of(rule_.frame);
    // Below the stack pointer it was popped already: the register has it again, and CFI need not say so.
    if (stack_.read(at, cursor_.frame)) {
      cursor_.knows_frame = true;
    } else {
      cursor_.knows_frame &= at < cursor_.stack;
    }
  }
  if (!arrive(pointer, cfa_, rule_.is_signal_frame())) return false;
  cache_.fetch(RuleCache::key_of(cursor_.pointer, cursor_.is_return), epoch_);
  return true;
}

/// To the caller, if there is one.
bool FrameWalk::arrive(uint64_t pointer, uint64_t stack, bool was_signal) {
  if (stack <= cursor_.stack) {
    const bool is_leaf = cursor_.knows_link && stack == cursor_.stack;
    if ((!was_signal && !is_leaf) || ++odd_steps_ > kMaxOddSteps) return end(End::kNoProgress);
  }
  pointer = plain_address(job_.registers->arch, pointer);
  if (pointer == 0) return end(End::kComplete);
  cursor_.pointer = pointer;
  cursor_.stack = stack;
  cursor_.knows_link = false;
  cursor_.is_return = !was_signal;
  return true;
}

/// No CFI: [frame] is the caller's frame pointer and [frame + 8] the return address, on both machines, when the code keeps
/// them at all. So both have to lie in the stack, in order.
bool FrameWalk::step_guess() {
  has_moved_ = true;
  job_.is_guessed = true;
  const uint64_t at = cursor_.frame;
  uint64_t frame = 0;
  uint64_t pointer = 0;
  if (!cursor_.knows_frame || at % 8 != 0 || at < cursor_.stack) return end(End::kNoRules);
  if (!stack_.read(at, frame) || !stack_.read(at + 8, pointer)) return end(End::kNoRules);
  if (frame != 0 && frame <= at) return end(End::kNoRules);
  cursor_.frame = frame;
  return arrive(pointer, at + 16, false);
}

bool FrameWalk::step_slow() {
  has_moved_ = true;
  ++counts_.slow;
  const uint32_t index = job_.count - 1;
  Registers caller;
  bool is_signal = false;
  auto outcome = step_registers(cursor_.lookup(), here(), caller, is_signal);
  if (outcome == Outcome::kUnknownRegister && all_at_ != index && replay(index))
    outcome = step_registers(cursor_.lookup(), *all_, caller, is_signal);
  if (outcome != Outcome::kDone) return end(end_of(outcome));
  const Columns& columns = columns_of(caller.arch);
  const bool was_known = all_at_ == index;
  const uint64_t stack = caller.stack();
  const bool has_caller = caller.knows(columns.pointer);
  if (was_known || is_signal) {
    caller_ = caller;
    all_ = &*caller_;
    all_at_ = index + 1;
  }
  if (!has_caller) return end(End::kComplete);
  cursor_.frame = caller.values[columns.frame];
  cursor_.knows_frame = caller.knows(columns.frame);
  if (!arrive(caller.pointer(), stack, is_signal)) return false;
  cursor_.link = caller.values[columns.link];
  cursor_.knows_link = is_signal && caller.arch == Arch::kArm64 && caller.knows(columns.link);
  return true;
}

/// All registers of the frame at the cursor that are known.
Registers FrameWalk::here() const {
  if (all_at_ == job_.count - 1) return *all_;
  Registers registers;
  registers.arch = job_.registers->arch;
  const Columns& columns = columns_of(registers.arch);
  if (cursor_.knows_link) registers.put(columns.link, cursor_.link);
  if (cursor_.knows_frame) registers.put(columns.frame, cursor_.frame);
  registers.put(columns.stack, cursor_.stack);
  registers.put(columns.pointer, cursor_.pointer);
  return registers;
}

/// A given rule knows of no register but these: the others are the caller's as they are, which holds for code that saves
/// what it changes only by its frame pointer.
Outcome FrameWalk::step_given(const Rule& rule, const Registers& registers, Registers& caller) {
  const Columns& columns = columns_of(registers.arch);
  const bool is_by_frame = rule.kind == RuleKind::kFrame;
  if (rule.kind == RuleKind::kOutermost || (is_by_frame && !registers.knows(columns.frame)))
    return Outcome::kUnknownRegister;
  const uint64_t cfa =
      registers.values[is_by_frame ? columns.frame : columns.stack] + offset_of(rule.cfa);
  caller = registers;
  caller.put(columns.stack, cfa);
  bool is_read = stack_.read(cfa + offset_of(rule.link), caller.values[columns.pointer]);
  if (rule.frame != Rule::kKept)
    is_read &= stack_.read(cfa + offset_of(rule.frame), caller.values[columns.frame]);
  return is_read ? Outcome::kDone : Outcome::kUnreadable;
}

/// One step by a whole row. Memory without CFI is walked by frame pointers, as step_guess did.
Outcome FrameWalk::step_registers(uint64_t lookup, const Registers& registers, Registers& caller,
                                  bool& is_signal_frame) {
  ProcessMemory memory(stack_, *job_.code);
  const auto range = job_.code->find(lookup);
  if (!range) return Outcome::kBad;
  if (const Rule* const given = given_rule(*range, lookup); given != nullptr)
    return step_given(*given, registers, caller);
  if (load_rule(*range, lookup).kind == RuleKind::kGuess) {
    const Columns& columns = columns_of(registers.arch);
    const uint64_t at = registers.values[columns.frame];
    caller = registers;
    caller.put(columns.stack, at + 16);
    const bool is_read = stack_.read(at, caller.values[columns.frame]) &&
                         stack_.read(at + 8, caller.values[columns.pointer]);
    return is_read ? Outcome::kDone : Outcome::kUnreadable;
  }
  const auto address = linked_address(*range, lookup);
  FullRow row;
  if (!address || !range->rules->load_row(*address, row)) return Outcome::kBad;
  is_signal_frame = row.is_signal_frame;
  return step_by_row(row, registers, memory, caller);
}

/// Walks again from where all registers were known to the frame `index`, by whole rows.
bool FrameWalk::replay(uint32_t index) {
  Registers registers = *all_;
  bool is_return = all_at_ != 0 && job_.frames[all_at_].is_return;
  for (uint32_t at = all_at_; at < index; ++at) {
    Registers caller;
    bool is_signal = false;
    const uint64_t lookup = job_.frames[at].address - (is_return ? 1 : 0);
    if (step_registers(lookup, registers, caller, is_signal) != Outcome::kDone) return false;
    is_return = !is_signal;
    registers = caller;
  }
  caller_ = registers;
  all_ = &*caller_;
  all_at_ = index;
  return true;
}

}  // namespace oc::unwind
