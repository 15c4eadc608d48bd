#pragma once

#include <memory>
#include <string>
#include <vector>

#include "session/named_events.h"
#include "session/trace_input.h"
#include "source/recorded_trace.h"
#include "tar/unpacked.h"

namespace oc::session {

/// A recorded trace as input: a file, decoded ahead of the script, or a pipe, decoded as it is written.
class FileInput final : public TraceInput {
 public:
  /// `archive`: the self-contained trace that it is out of, or null.
  explicit FileInput(std::unique_ptr<source::RecordedTrace> trace,
                     std::unique_ptr<tar::Unpacked> archive = nullptr)
      : archive_(std::move(archive)), trace_(std::move(trace)), named_(trace_->events()) {}

  const source::RecordedTrace& trace() const { return *trace_; }

  uint32_t size() const override { return trace_->events().size(); }
  const event::EventKind& kind(uint32_t index) const override { return trace_->events()[index]; }
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& settings) override;
  std::vector<std::string> names(const std::string& glob) const override {
    return named_.names(glob);
  }
  const event::EventTable* events() const override { return &trace_->events(); }

  base::Status start(const RunOptions& options, TraceModel& model, Selection& selection) override;
  source::Source& source() override { return trace_->source(); }
  /// What a pipe brings is handed over as it comes, on the script's thread, so that timers fire.
  bool may_run_ahead() const override { return !trace_->is_live(); }
  void stop() override;

  int64_t wall_offset() const override { return trace_->facts().wall_offset; }
  source::Progress progress() const override { return trace_->source().progress(); }
  std::vector<std::string> notes(bool is_at_rest) const override;
  bool is_damaged(bool is_at_rest) const override;

 private:
  base::Status mark_samples(TimeMarks& marks) const;

  std::unique_ptr<tar::Unpacked> archive_;  ///< its files are there as long as the session
  std::unique_ptr<source::RecordedTrace> trace_;
  NamedEvents named_;
  bool is_started_ = false;  ///< before that there is nothing to stop
};

}  // namespace oc::session
