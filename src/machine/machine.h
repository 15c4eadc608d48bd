#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "event/event_format.h"
#include "machine/attribute_table.h"
#include "machine/place_table.h"
#include "machine/process_table.h"
#include "machine/sample_table.h"
#include "machine/span_table.h"
#include "process/stack_table.h"
#include "process/task_log.h"

namespace oc::machine {

/// What the values of a kind's samples are.
enum class ValueType : uint8_t {
  kCount,     ///< so many events
  kDuration,  ///< ns
  kBytes,
  kNumber,  ///< of any unit
};
/// As formats and people call its unit: "count", "nanoseconds", "bytes", "".
std::string_view unit_of(ValueType type);

/// What is known of how many samples those of a kind stand for (Sample::weight).
enum class Counted : uint8_t {
  kSamples,  ///< so many
  kPerhaps,  ///< the source has one number, which may be samples or a unit that it does not tell
  kEntries,  ///< sums of nobody knows how many: each counts 1
};

/// A kind of samples: an event, or what a script calls its own.
struct Kind {
  base::StringId name;   ///< "cpu-clock", "sched:sched_switch", "alloc"
  base::StringId group;  ///< "cpu": the canonical name that covers it; 0: none
  ValueType type = ValueType::kCount;
  Counted counted = Counted::kSamples;
  bool is_sampled = false;  ///< a sample stands for as many events (or ns) as its value says
  double period = 0;        ///< the usual value of one sample; 0: none
  const event::EventFormat* format =
      nullptr;         ///< of payloads that are kept; null: none are. The trace's
  uint32_t event = 0;  ///< the session's number of that event
};

/// Lost records, as far as the trace tells.
struct Loss {
  int32_t cpu = -1;      ///< -1: not known
  base::StringId event;  ///< 0: not known
  uint64_t records = 0;
};

/// How much is kept; 0: no limit. What exceeds it goes, the oldest first: samples in pieces of SampleTable::kChunk, spans,
/// and what ran, was mapped or named before that and nothing that is kept refers to.
struct Retention {
  int64_t span = 0;         ///< ns before the newest sample
  uint64_t samples = 0;     ///< and as many spans
  uint64_t size_bytes = 0;  ///< of samples, spans, attributes, processes, threads and mappings
  bool is_any() const { return span != 0 || samples != 0 || size_bytes != 0; }
};

/// Facts of the trace that are no samples.
struct TraceFacts {
  std::map<std::string, std::string>
      host;  ///< "host", "kernel", "arch", "cpu", "cpus_online", "memory_bytes", "command" …
  std::string name;         ///< of the file; "" when live
  uint64_t start_ns = 0;    ///< the trace's clock when the session began
  int64_t wall_offset = 0;  ///< ns to add to that clock for ns since 1970; 0: not known
  int64_t end = 0;          ///< ns since the session began: of the newest record
  std::vector<Loss> losses;
  std::vector<std::string> notes;  ///< damage, limits
};

/// What ran, what was sampled and what is known about it: columns of ids, from which queries, graphs and exports are made.
///
///     samples  time value kind context stack cpu attributes     context ─> thread ─> process ─> parent, mappings
///     spans    start end name …                                 stack ─> frames ─> places: function, file, line
///
/// Filled by a run (session/machine_feed.h), by an importer (format), or by hand from Lua. All texts are in `texts`.
/// Memory grows with what is distinct and with 28 bytes a sample. `retention` bounds samples, spans, attributes and what ran:
/// ids of contexts, threads and processes change then (ProcessTable::generation), no others do. Texts, frames and stacks only
/// grow. One thread, though the tables of frames and stacks that it refers to may grow meanwhile. Reading is that thread's, too, for
/// `places` names a frame when it is first looked at. Others may read beside it only between places.begin_sharing() and
/// end_sharing(), when all frames that they will meet have their names and nobody changes anything (format/parallel_exports.h).
class Machine {
 public:
  static constexpr StackRef kOwnStack = 1u << 31;

  /// The tables of a trace and who names its frames; null where everything is added by hand. They outlive the machine.
  struct Traced {
    const process::ModuleTable* modules = nullptr;
    const process::FrameTable* frames = nullptr;
    const process::StackTable* stacks = nullptr;
    FrameNamer* namer = nullptr;
    const process::TaskLog* log = nullptr;  ///< what the processes do not know yet
  };
  Machine() : Machine(Traced()) {}
  explicit Machine(Traced traced);

  base::Interner texts;
  SampleTable samples;
  SpanTable spans;
  AttributeTable attributes;
  ProcessTable processes{texts};
  PlaceTable places;
  TraceFacts facts;

  /// The kind of this name, made if it was not known (`type` and `group` count then).
  KindId kind(std::string_view name, ValueType type = ValueType::kCount,
              std::string_view group = {});
  KindId find_kind(std::string_view name) const;
  const Kind& kind(KindId id) const { return kinds_[id.value - 1]; }
  Kind& kind(KindId id) { return kinds_[id.value - 1]; }
  std::span<const Kind> kinds() const { return kinds_; }
  /// Set where a sample has values of several kinds, as in profiles of other tools: there is a sample of each, and this is
  /// the one that counts where no kind is asked for.
  KindId main_kind;

  /// A stack of frames that were added by hand or are of the trace, the innermost first.
  StackRef add_stack(std::span<const uint32_t> frames, uint32_t kernel_frames = 0);
  /// Of either kind. Ref 0: no frames.
  process::StackView stack(StackRef ref) const;
  /// Refs of both kinds as one row of numbers below `stack_indexes()`; 0 is ref 0. A ref's number stays the same while
  /// stacks of either kind are added.
  static uint32_t stack_index(StackRef ref) {
    return ref & kOwnStack ? (ref & ~kOwnStack) << 1 | 1 : ref << 1;
  }
  static StackRef stack_ref(uint32_t index) {
    return index & 1 ? kOwnStack | index >> 1 : index >> 1;
  }
  uint32_t stack_indexes() const { return 2 * (std::max(traced_stacks(), own_stacks_.size()) + 1); }
  uint32_t stacks() const { return traced_stacks() + own_stacks_.size(); }
  bool has_stack(StackRef ref) const {
    return ref & kOwnStack ? (ref & ~kOwnStack) <= own_stacks_.size() : ref <= traced_stacks();
  }

  /// Adds it and drops what retention lets go.
  uint64_t add(const Sample& sample, std::span<const uint8_t> payload = {});
  SpanId add_span(const Span& span);
  void set_retention(const Retention& retention) { retention_ = retention; }
  /// All that happened before this time was told.
  void keep_to(int64_t time);
  uint64_t dropped() const { return samples.first(); }  ///< samples, by retention

  std::string_view text(base::StringId id) const { return texts.text(id); }
  const Traced& traced() const { return traced_; }
  /// Path or name of a module; build id and the like are `traced().modules`' to tell.
  std::string_view module_path(process::ModuleId id) const;
  uint64_t size_bytes() const;  ///< of all but the trace's own tables; with what waits in its log

 private:
  void let_go();
  bool let_oldest_go();
  void let_spans_go();
  void forget(int64_t since);
  int64_t kept_since(bool is_full) const;
  uint64_t kept_bytes() const;
  uint32_t traced_stacks() const { return traced_.stacks == nullptr ? 0 : traced_.stacks->size(); }

  Traced traced_;
  std::vector<Kind> kinds_;
  std::unordered_map<uint32_t, uint32_t> kind_of_name_;
  process::StackTable own_stacks_;
  Retention retention_;
  int64_t newest_ = INT64_MIN;  ///< what is older was told
  size_t kept_rows_ = 0;        ///< of processes and attributes, when something was forgotten last
};

}  // namespace oc::machine
