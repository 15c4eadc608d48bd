#include "session/stack_folder.h"

#include <fmt/format.h>
#include <linux/perf_event.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/bytes.h"
#include "event/kernel_record.h"
#include "session/folded_sample.h"

namespace oc::session {

using base::load;
using source::RecordHeader;

namespace {

constexpr size_t kAtOnce = 64;        ///< stacks that are unwound together
constexpr size_t kMostFrames = 4096;  ///< of one: more than 64 KiB of stack hold
constexpr size_t kMostAsked = 1 << 16;
constexpr int32_t kNobody = -1;       ///< no process: what is not known has its map
constexpr size_t kMostTables = 4096;  ///< files whose rules are held; beyond that all begin anew
#if defined(__aarch64__)
constexpr unwind::Arch kArch = unwind::Arch::kArm64;
#else
constexpr unwind::Arch kArch = unwind::Arch::kX86_64;
#endif

/// Code of one process as it is now.
class SpaceFinder final : public unwind::CodeFinder {
 public:
  SpaceFinder(const process::CodeMap& map, RuleTables& rules) : map_(&map), rules_(rules) {}

  uint64_t epoch() const override { return map_->generation(); }

  std::optional<unwind::CodeRange> find(uint64_t address) override {
    return rules_.find_range(*map_, address);
  }

 private:
  const process::CodeMap* map_;
  RuleTables& rules_;
};

/// Of the user's part: what was asked for is both parts together, as of the kernel's own chains.
size_t most_frames(const perf_event_attr& attr, const event::SampleTail& tail) {
  if (attr.sample_max_stack == 0) return kMostFrames;
  size_t most = attr.sample_max_stack;
  for (size_t at = 0; at < tail.callchain.size() && most != 0; at += sizeof(uint64_t)) {
    const bool is_mark = load<uint64_t>(tail.callchain.data() + at) >= uint64_t{PERF_CONTEXT_MAX};
    most -= is_mark ? 0 : 1;
  }
  return most;
}

bool changes_code(uint32_t type) {
  return type == PERF_RECORD_MMAP || type == PERF_RECORD_MMAP2 || type == PERF_RECORD_COMM ||
         type == PERF_RECORD_FORK || type == PERF_RECORD_EXIT;
}

}  // namespace

uint64_t FoldCounts::cut() const {
  const auto complete = by_end[static_cast<size_t>(unwind::End::kComplete)];
  return stacks - complete;
}

std::string_view FoldCounts::words(uint32_t end) {
  return unwind::describe(static_cast<unwind::End>(end));
}

std::vector<std::string> FoldCounts::describe() const {
  std::vector<std::string> notes;
  if (cut() != 0) {
    std::string text = fmt::format("{} of {} user stacks are cut", cut(), stacks);
    const char* separator = ": ";
    for (uint32_t end = 1; end < kEnds; ++end) {
      if (by_end[end] == 0) continue;
      text += fmt::format("{}{} {}", separator, by_end[end], words(end));
      separator = ", ";
    }
    notes.push_back(std::move(text));
  }
  if (too_large != 0)
    notes.push_back(fmt::format("{} user stacks were too long for a record of 64 KiB", too_large));
  if (damaged != 0)
    notes.push_back(fmt::format("{} samples were damaged and are not stored", damaged));
  return notes;
}

StackFolder::StackFolder(const event::EventTable& events, perf::Rundown& files,
                         uint32_t trailer_bytes)
    : clock_(events), files_(files), trailer_bytes_(trailer_bytes), room_(kAtOnce, kMostFrames) {
  make_rules();
  for (uint32_t i = 0; i < events.size(); ++i) {
    is_folded_.push_back(is_folded(events[i]));
    has_build_ids_ |= events[i].attr.build_id != 0;
    has_known_clock_ |=
        events[i].attr.use_clockid != 0 && events[i].attr.clockid == CLOCK_MONOTONIC;
  }
  code_.set_look_at_file([this](int32_t pid, base::Nanos time, process::Mapping& mapping) {
    kept_.look_at(files_.files(), pid, has_known_clock_ ? time : 0, mapping);
  });
}

void StackFolder::make_rules() {
  rules_.emplace(tables_.modules, symbol::Places::make_default(), kept_);
}

/// What waits from the round before comes first.
void StackFolder::begin_round() {
  changes_.clear();
  samples_.clear();
  frames_.clear();
  if (rules_->size() > kMostTables) make_rules();
  source::Span waiting;
  waiting.begin = waiting_.data();
  waiting.end = waiting.begin + waiting_.size();
  collect_sideband(waiting);
}

void StackFolder::collect_sideband(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const RecordHeader header = source::record_header(record);
    if (changes_code(header.type)) changes_.push_back({clock_.time(record, header), record});
    record += header.size_bytes;
  }
}

void StackFolder::collect_samples(const source::Span& span, uint32_t index) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const RecordHeader header = source::record_header(record);
    if (header.type == PERF_RECORD_SAMPLE) {
      const uint32_t kind = clock_.kind_of_sample(record, header.size_bytes);
      if (kind != event::EventTable::kUnknown && is_folded_[kind]) {
        Sample& sample = samples_.emplace_back();
        sample.record = record;
        sample.time = clock_.sample_time(record, kind);
        sample.kind = kind;
        sample.span = index;
        const auto& layout = clock_.events()[kind].layout;
        sample.tail = event::read_tail(layout, record, header.size_bytes);
        sample.is_damaged = sample.tail.damaged;
      }
    }
    record += header.size_bytes;
  }
}

void StackFolder::apply(const Change& change) {
  const RecordHeader header = source::record_header(change.record);
  const uint32_t size =
      header.size_bytes > trailer_bytes_ ? header.size_bytes - trailer_bytes_ : 0u;
  // False marks: see MappedFiles.
  const bool is_marked = header.type == PERF_RECORD_MMAP2 && !has_build_ids_;
  const auto misc =
      static_cast<uint16_t>(is_marked ? header.misc & ~event::kMmapBuildId : header.misc);
  code_.apply(header.type, misc, change.record, size, change.time);
}

/// Changes and samples in order of time. Of a round without changes the samples stay as they lie.
void StackFolder::unwind_all(base::Nanos horizon) {
  order_.resize(samples_.size());
  std::iota(order_.begin(), order_.end(), 0u);
  const auto by_time = [](const auto& a, const auto& b) { return a.time < b.time; };
  if (!changes_.empty()) {
    std::stable_sort(changes_.begin(), changes_.end(), by_time);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](uint32_t a, uint32_t b) { return samples_[a].time < samples_[b].time; });
  }
  size_t change = 0;
  size_t begun = 0;
  for (size_t i = 0; i < order_.size(); ++i) {
    const base::Nanos time = samples_[order_[i]].time;
    const bool has_change = change < changes_.size() && changes_[change].time <= time;
    if (has_change || i - begun == kAtOnce) {
      unwind_some(std::span(order_).subspan(begun, i - begun));
      begun = i;
    }
    while (change < changes_.size() && changes_[change].time <= time) apply(changes_[change++]);
  }
  unwind_some(std::span(order_).subspan(begun));
  while (change < changes_.size() && changes_[change].time <= horizon) apply(changes_[change++]);
  std::vector<uint8_t> waiting;
  for (; change < changes_.size(); ++change) {
    const uint8_t* const record = changes_[change].record;
    waiting.insert(waiting.end(), record, record + source::record_header(record).size_bytes);
  }
  waiting_ = std::move(waiting);
}

/// A process that nobody told of: it runs, and its turn in the list of what runs has not come, or what told of it was
/// lost.
void StackFolder::list_unknown(int32_t pid) {
  if (&tables_.spaces.find(pid) != &tables_.spaces.find(kNobody)) return;
  if (asked_.size() >= kMostAsked) asked_.clear();
  if (!asked_.insert(pid).second) return;
  base::ByteSink records;
  files_.add_thread({pid, pid, "?"}, records);
  code_.apply_all(records.bytes());
}

/// The next stack's memory is fetched while one is worked on.
void StackFolder::unwind_some(std::span<const uint32_t> samples) {
  std::array<unwind::Registers, kAtOnce> registers;
  std::array<unwind::Job, kAtOnce> jobs;
  std::array<std::optional<SpaceFinder>, kAtOnce> finders;
  std::array<Sample*, kAtOnce> whose{};
  for (const uint32_t index : samples) {
    const Sample& sample = samples_[index];
    if (!sample.is_damaged && sample.tail.user_regs_abi != PERF_SAMPLE_REGS_ABI_NONE)
      list_unknown(load<int32_t>(sample.record + clock_.events()[sample.kind].layout.tid));
  }
  size_t count = 0;
  for (const uint32_t index : samples) {
    Sample& sample = samples_[index];
    if (sample.is_damaged || sample.tail.user_regs_abi == PERF_SAMPLE_REGS_ABI_NONE) continue;
    const auto& layout = clock_.events()[sample.kind].layout;
    registers[count] = unwind::read_registers(kArch, sample.tail.user_regs_abi, layout.regs_user,
                                              sample.tail.user_regs);
    const auto& map = tables_.spaces.find(load<int32_t>(sample.record + layout.tid));
    unwind::Job& job = jobs[count];
    job.registers = &registers[count];
    job.stack = sample.tail.user_stack;
    job.code = &finders[count].emplace(map, *rules_);
    job.frames = room_.of(count);
    whose[count++] = &sample;
  }
  unwinder_.unwind(std::span(jobs).first(count));
  for (size_t i = 0; i < count; ++i) finish(*whose[i], jobs[i]);
}

void StackFolder::finish(Sample& sample, const unwind::Job& job) {
  const auto& kind = clock_.events()[sample.kind];
  auto frames = job.frames.first(job.count);
  auto end = job.end;
  sample.first = frames_.size();
  const size_t most = most_frames(kind.attr, sample.tail);
  if (frames.size() > most) {
    frames = frames.first(most);
    end = unwind::End::kTooDeep;
  }
  frames_.insert(frames_.end(), frames.begin(), frames.end());
  const RecordHeader header = source::record_header(sample.record);
  const bool is_user = (header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER;
  if (job.count == 0 && is_user && most != 0 && kind.layout.ip != event::kAbsent)
    frames_.push_back({load<uint64_t>(sample.record + kind.layout.ip), 0, false});
  sample.count = static_cast<uint32_t>(frames_.size() - sample.first);
  ++counts_.stacks;
  counts_.frames += sample.count;
  ++counts_.by_end[static_cast<size_t>(end)];
}

/// Samples lie in `samples_` span by span, in the order of their records.
void StackFolder::rewrite_all(std::vector<source::Span>& spans) {
  rewritten_.resize(std::max(rewritten_.size(), spans.size()));
  for (size_t at = 0; at < samples_.size();) {
    const uint32_t index = samples_[at].span;
    source::Span& span = spans[index];
    auto& bytes = rewritten_[index];
    bytes.clear();
    const uint8_t* run = span.begin;  // of records that stay as they are
    for (; at < samples_.size() && samples_[at].span == index; ++at) {
      const Sample& sample = samples_[at];
      const uint32_t size = source::record_header(sample.record).size_bytes;
      bytes.insert(bytes.end(), run, sample.record);
      run = sample.record + size;
      if (sample.is_damaged) {
        ++counts_.damaged;
        continue;
      }
      const auto frames = std::span(frames_).subspan(sample.first, sample.count);
      if (append_folded(sample.record, size, sample.tail, frames, bytes) < frames.size())
        ++counts_.too_large;
    }
    bytes.insert(bytes.end(), run, span.end);
    span.begin = bytes.data();
    span.end = bytes.data() + bytes.size();
  }
}

}  // namespace oc::session
