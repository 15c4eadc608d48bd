#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "machine/machine.h"

namespace oc::machine {

/// Which samples somebody asks for; what is empty lets all through, but of kinds Machine::main_kind where there is one. Texts are globs where they hold `*`, `?` or `[`.
struct Filter {
  int64_t from = INT64_MIN, until = INT64_MAX;  ///< ns since the session began; `until` exclusive
  std::vector<std::string> kinds;               ///< names or groups
  std::vector<std::string> comms;               ///< of the thread at that moment
  std::vector<std::string> tasks;               ///< the same, or of its process at that moment
  std::vector<int32_t> pids, tids;
  std::vector<int32_t> cpus;
  std::vector<std::string> symbols;  ///< one of the frames is of such a function
  std::vector<std::string>
      modules;  ///< one of the frames is of such a module: path, or its last part
  std::vector<std::string> cgroups;
  struct AttributeIs {
    std::string name, text;
  };
  std::vector<AttributeIs> attributes;
};

/// The samples of a machine that a filter lets through: each question is answered once per distinct id, a sample then
/// costs a few loads. As of its making: samples that are added later may be missing. One thread.
class Selection {
 public:
  /// Errors: a kind or CPU that the machine does not have, with the nearest names.
  static base::Result<Selection> make(Machine& machine, Filter filter);

  /// A further test, by number of the sample.
  void add_test(std::function<bool(uint64_t)> test) { tests_.push_back(std::move(test)); }

  /// Places in the chunk of the samples that are let through, ascending: how many. `out` has room for all of a chunk;
  /// `first` is the number of its first sample.
  uint32_t select(const SampleTable::Chunk& chunk, uint64_t first, uint16_t* out) const;
  /// Calls `visit(chunk, first, places)` for each chunk that has any, in the order of the table.
  template <typename Visit>
  void for_each_chunk(Visit visit) const {
    std::vector<uint16_t> places(SampleTable::kChunk);
    uint64_t first = machine_->samples.first();
    for (const auto& chunk : machine_->samples.chunks()) {
      const uint32_t count = select(chunk, first, places.data());
      if (count != 0) visit(chunk, first, std::span<const uint16_t>(places.data(), count));
      first += chunk.count;
    }
  }
  /// Calls `visit(sample, number)` for each, in the order of the table.
  template <typename Visit>
  void for_each(Visit visit) const {
    for_each_chunk([&](const auto& chunk, uint64_t first, std::span<const uint16_t> places) {
      for (const uint16_t i : places) visit(chunk.at(i), first + i);
    });
  }
  uint64_t count() const;  ///< of what its samples stand for
  /// Whether a span is of what is asked for: it overlaps the time, and its kind, thread, CPU, attributes and stack are let
  /// through. Tests of samples are not asked.
  bool takes(const Span& span) const;
  /// By Machine::stack_index, 1 for stacks of its samples.
  std::vector<uint8_t> used_stacks() const;

  Machine& machine() const { return *machine_; }
  const Filter& filter() const { return filter_; }

 private:
  explicit Selection(Machine& machine, Filter filter)
      : machine_(&machine), filter_(std::move(filter)) {}
  base::Status choose_kinds();
  void choose_contexts();
  uint8_t choose_task(const Context& context);
  bool has_process_name(ContextId context, int64_t time) const;
  void choose_stacks();
  void choose_attributes();

  Machine* machine_;
  Filter filter_;
  // By id, 1 where it is let through; empty: all are. Of contexts kByTime: where its process has such a name then.
  std::vector<uint8_t> kinds_, contexts_, cpus_, stacks_,
      attributes_;  ///< stacks: by Machine::stack_index
  std::vector<std::function<bool(uint64_t)>> tests_;
};

/// Names the frames of those stacks (by Machine::stack_index) at once, or of each the innermost alone.
void resolve_stacks(Machine& machine, const std::vector<uint8_t>& used, bool innermost_only);

/// A whole number without a point, others so that they can be read back.
std::string text_of_number(double number);

}  // namespace oc::machine
