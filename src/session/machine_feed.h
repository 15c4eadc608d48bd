#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "machine/machine.h"
#include "session/batch.h"
#include "session/event_kinds.h"
#include "session/trace_model.h"

namespace oc::session {

/// Fills a machine with what a run reads: batch by batch, on the script's thread.
///
///     TaskLog (all that the decoder wrote so far) ──> processes, threads, mappings
///     batch: samples of the chosen kinds          ──> samples
///
/// A sample's value is its period: how many events it stands for, of the clocks ns; where a file does not have it, what
/// the event was asked for, at least 1.
class MachineFeed {
 public:
  MachineFeed(const TraceModel& model, const EventKinds& kinds, machine::Machine& machine);

  /// What `group` ("cpu") the samples of that kind belong to. Before the first batch.
  void set_group(uint32_t kind, std::string group);
  /// Payloads are kept with samples. Before the first batch.
  void keep_records() { keeps_records_ = true; }
  /// `take` is told which events become samples, not all of a batch do. Before the first batch.
  void take_chosen() { takes_all_ = false; }
  /// Of the chosen kinds; others pass.
  void add(const Batch& batch);
  /// An event of the batch at hand.
  void take(const oc_event& event);
  /// Live, while they still run: command lines, control groups, ids in their own namespaces.
  void ask_processes();
  /// Follows the log to its end: also of what ran after the last sample.
  void finish(const Counts& counts);

 private:
  struct Kind {
    machine::KindId id;
    uint16_t period_at = 0;      ///< in the record; kAbsent: none
    event::SampleLayout layout;  ///< where `has_cgroup`
    double usual = 1;
    bool is_chosen = false;
    bool keeps_record = false;
    bool has_cgroup = false;  ///< each sample names its control group
  };

  void read_log(const Counts& counts);
  void apply(const process::TaskLog::Entry& entry, uint64_t start);
  Kind make_kind(uint32_t number);
  machine::ContextId context_of(const oc_event& event, const Kind& kind);
  base::StringId name_cgroup(uint64_t id);
  machine::StackRef stack_of(const oc_event& event);

  const TraceModel& model_;
  const EventKinds& kind_names_;
  machine::Machine& machine_;
  std::vector<Kind> kinds_;          ///< by number
  std::vector<std::string> groups_;  ///< by number
  bool keeps_records_ = false;
  bool takes_all_ = true;
  /// The last context of a thread, by the last bits of its life.
  struct LastContext {
    uint32_t life = 0, comm = 0;
    uint64_t cgroup = 0;
    machine::ContextId context;
  };
  static constexpr uint32_t kLastContexts = 4096;
  std::vector<LastContext> last_context_;
  uint32_t generation_ = 0;                  ///< of the ids in it
  uint64_t told_until_ = 0;                  ///< of the batch before, by the trace's clock
  std::vector<machine::StackRef> of_frame_;  ///< by frame: the stack that is that frame alone
};

}  // namespace oc::session
