#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/kernel_record.h"
#include "perf/live_source.h"
#include "session/live_plan.h"
#include "session/overhead_limit.h"
#include "session/spooled_source.h"
#include "session/trace_input.h"
#include "sys/host.h"

namespace oc::session {

/// This machine as input: events are planned by name, opened when the run starts, closed at its end.
///
///     plan → open → start_events → before_batch … → finish → end
///
/// `start` opens and starts for the decoder; a recording does so itself.
class LiveInput final : public TraceInput {
 public:
  /// How events are sampled; before the first `resolve`.
  void set_sampling(const Sampling& sampling) { plan_.set_sampling(sampling); }
  /// Samples carry the cgroup of their moment; before the events are resolved.
  void sample_cgroups() { plan_.sample_cgroups(); }
  /// Why an event of `names` cannot be had here; empty when it can.
  std::string missing(const std::string& name) const { return plan_.missing(name); }
  /// What the kernel shall leave out of an event, before it is opened. It only saves work: events are to be filtered
  /// again.
  void set_kernel_filter(uint32_t index, std::string text);
  /// What the kernel took of it; after the start.
  std::string kernel_filter_taken(uint32_t index) const;
  static sys::HostFacts host_facts() { return sys::load_host_facts(); }

  bool is_live() const override { return true; }
  uint32_t size() const override { return plan_.size(); }
  const event::EventKind& kind(uint32_t index) const override { return plan_.kind(index); }
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& settings) override;
  std::vector<std::string> names(const std::string& glob) const override {
    return plan_.names(glob);
  }
  const event::EventTable* events() const override { return live_ ? &live_->events() : nullptr; }

  base::Status start(const RunOptions& options, TraceModel& model, Selection& selection) override;
  perf::LiveRequest make_request(const RunOptions& options,
                                 const std::vector<uint8_t>& wanted) const;
  base::Status open(perf::LiveRequest request, const RunOptions& options);
  /// Requires: open. The clock of a run that ends in time runs from here.
  base::Status start_events(const RunOptions& options);
  bool is_open() const { return live_ != nullptr; }

  // While the run goes on; indexes as of `kind`.
  /// Opens an event, which may have been resolved only now.
  base::Status add(uint32_t index);
  void remove(uint32_t index);
  /// From now on the kernel tells these records, too.
  base::Status hear(event::KernelRecord record);
  bool is_running(uint32_t index) const { return live_ != nullptr && live_->is_open(index); }
  /// Another filter in the kernel for one that is open; empty: none. Complete with `finish_filters`.
  base::Status change_filter(uint32_t index, std::string text);
  /// Behind the last of several changes: who has the samples of which kind from when on.
  std::vector<perf::LiveSource::Exchange> finish_filters();
  /// How often the kernel saw it.
  uint64_t counted(uint32_t index) const;
  /// Completes what a decoder goes by; `wanted` is there.
  void complete(Selection& selection) const;

  // Requires: open.
  source::Source& source() override {
    return spool_ ? static_cast<source::Source&>(*spool_) : *live_;
  }
  /// The kernel's side of it. While a spool empties it, `at_rest` first.
  perf::LiveSource& rings() { return *live_; }
  /// Null where no thread empties the rings.
  const SpooledSource* spool() const { return spool_.get(); }
  std::chrono::milliseconds before_batch(std::chrono::milliseconds wait) override;
  /// The kernel's events stop, but for those that tell names and threads, or go on. What has happened is delivered.
  base::Status set_paused(bool is_paused) override;
  void stop() override;
  void wake() override;
  void finish() override;
  /// Waits a moment for a command that the run outlived by being stopped, closes the kernel's events and rings.
  void end() override;

  int64_t wall_offset() const override { return wall_offset_; }
  std::vector<source::Loss> final_losses() override;
  std::vector<std::string> notes(bool is_at_rest) const override;
  double sampling_share() const { return overhead_.sampling_share(); }
  /// Of the launched command: exit status, or 128 + signal; absent while it runs.
  std::optional<int> command_status() const;

 private:
  /// Keeps the spool's thread away from the rings as long as it lives.
  SpooledSource::Visit at_rest() const { return SpooledSource::Visit(spool_.get()); }
  void settle();
  void choose_tasks(const perf::Target& target, Selection& selection) const;

  LivePlan plan_;
  std::vector<uint32_t> late_;  ///< indexes of events that were added while it ran
  std::unique_ptr<perf::LiveSource> live_;
  std::unique_ptr<SpooledSource> spool_;  ///< ends before what it empties
  OverheadLimit overhead_;
  std::optional<base::Nanos> deadline_;
  int64_t wall_offset_ = 0;
  // What is left at the end.
  std::vector<std::string> final_notes_;
  std::optional<int> final_status_;
};

}  // namespace oc::session
