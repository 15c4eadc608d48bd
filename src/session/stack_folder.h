#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/interner.h"
#include "event/event_table.h"
#include "event/sample_tail.h"
#include "perf/rundown.h"
#include "session/code_records.h"
#include "session/kept_files.h"
#include "session/rule_tables.h"
#include "session/stack_tables.h"
#include "source/record.h"
#include "source/source.h"
#include "unwind/frame_room.h"
#include "unwind/unwinder.h"

namespace oc::session {

/// What became of the user stacks of a recording.
struct FoldCounts {
  static constexpr uint32_t kEnds = unwind::kEndCount;

  uint64_t stacks = 0;                   ///< samples with a user's part
  uint64_t frames = 0;                   ///< of these parts
  std::array<uint64_t, kEnds> by_end{};  ///< stacks, by unwind::End
  uint64_t too_large = 0;                ///< cut further: the record had no room for all frames
  uint64_t damaged = 0;  ///< samples that end before their time: left out of the trace

  /// Of an unwind::End. Owned by the program.
  static std::string_view words(uint32_t end);
  uint64_t cut() const;
  /// "12 of 3000 user stacks are cut: 9 the stack bytes end, 3 …", and what else is to be told.
  std::vector<std::string> describe() const;
};

/// Unwinds the user stacks of a recording while it runs, and puts call chains in place of registers and stack bytes.
///
///     rundown ──────────────> address spaces          records of the sideband up to a sample's time are applied
///     round: sideband ──────────^   |                 before it; what is newer than the round's horizon waits
///            data ── samples by time, unwound ──> spans with stacks are rewritten, the others are passed on as they are
///
/// Memory: one round of rewritten spans; the rules and mappings of what runs. Who cannot keep up loses in the rings.
/// One thread.
class StackFolder {
 public:
  /// `events` as the kernel was asked; `files` reads build ids; `trailer_bytes` of records that are no samples.
  StackFolder(const event::EventTable& events, perf::Rundown& files, uint32_t trailer_bytes);

  /// Records of what runs already, as perf::Rundown makes them.
  void rundown(std::span<const uint8_t> records) { code_.apply_all(records); }

  /// Replaces spans that have samples with stacks. Whatever is newer than `horizon` may not be all there is of its time.
  /// Lent: until the next call.
  template <typename IsSideband>
  void fold(std::vector<source::Span>& spans, const IsSideband& is_sideband, base::Nanos horizon) {
    begin_round();
    for (uint32_t i = 0; i < spans.size(); ++i) {
      is_sideband(spans[i].stream) ? collect_sideband(spans[i]) : collect_samples(spans[i], i);
    }
    unwind_all(horizon);
    rewrite_all(spans);
  }

  const FoldCounts& counts() const { return counts_; }
  /// Files that could not be kept open, in words; "": none.
  std::string note() const { return kept_.note(); }

 private:
  struct Change {
    base::Nanos time = 0;
    const uint8_t* record = nullptr;
  };
  /// A sample with a stack, and then its frames.
  struct Sample {
    base::Nanos time = 0;
    const uint8_t* record = nullptr;
    event::SampleTail tail;
    uint32_t kind = 0;
    uint32_t span = 0;
    size_t first = 0;  ///< of its frames in `frames_`
    uint32_t count = 0;
    bool is_damaged = false;
  };
  struct Turn;  ///< the stacks that are unwound together

  void make_rules();
  void begin_round();
  void collect_sideband(const source::Span& span);
  void collect_samples(const source::Span& span, uint32_t index);
  void unwind_all(base::Nanos horizon);
  void apply(const Change& change);
  void list_unknown(int32_t pid);
  void unwind_some(std::span<const uint32_t> samples);
  void finish(Sample& sample, const unwind::Job& job);
  void rewrite_all(std::vector<source::Span>& spans);

  source::RecordClock clock_;
  std::vector<bool> is_folded_;   ///< by kind
  bool has_build_ids_ = false;    ///< MMAP2 records may have them
  bool has_known_clock_ = false;  ///< CLOCK_MONOTONIC, as of all that oc records
  perf::Rundown& files_;
  uint32_t trailer_bytes_;
  base::Interner strings_;
  StackTables tables_{strings_};
  CodeRecords code_{tables_};
  KeptFiles kept_;
  std::optional<RuleTables> rules_;
  unwind::Unwinder unwinder_;
  std::unordered_set<int32_t> asked_;  ///< processes that were looked for in /proc

  // Of one round.
  std::vector<uint8_t> waiting_;  ///< sideband that was newer than the horizon of the round before
  std::vector<Change> changes_;
  std::vector<Sample> samples_;
  std::vector<uint32_t> order_;  ///< of samples, by time
  std::vector<unwind::Frame> frames_;
  unwind::FrameRoom room_;
  std::vector<std::vector<uint8_t>> rewritten_;
  FoldCounts counts_;
};

}  // namespace oc::session
