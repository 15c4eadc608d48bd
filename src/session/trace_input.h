#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "session/live_plan.h"
#include "session/run_options.h"
#include "session/selection.h"
#include "session/trace_model.h"
#include "source/source.h"

namespace oc::session {

/// Where a trace comes from: which events it has, how their names resolve, how it starts and ends.
///
///     LiveInput   this machine: events that the kernel is asked for
///     FileInput   a recording: a file, or a pipe while it is written
///     FedInput    the script itself, which adds records
///
/// A run is the same over all three. Called a few times per batch, never per event. Used by the script's thread, but
/// for what says otherwise.
class TraceInput {
 public:
  virtual ~TraceInput() = default;

  virtual bool is_live() const { return false; }
  /// The kinds of samples, by index. Owned by the input, which may get more until it is started.
  virtual uint32_t size() const = 0;
  virtual const event::EventKind& kind(uint32_t index) const = 0;
  /// Indexes of what a name, a list or a glob means. Errors name what there is. `settings`: live only.
  virtual base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                                      const LiveSettings& settings) = 0;
  /// Of the events that there are, sorted.
  virtual std::vector<std::string> names(const std::string& glob) const = 0;
  /// The table of its source; null when live and not started, or over.
  virtual const event::EventTable* events() const = 0;

  /// Opens what `source` then gives; completes the selection by what only the input knows. Names of those that run
  /// already go to the model.
  virtual base::Status start(const RunOptions& options, TraceModel& model,
                             Selection& selection) = 0;
  /// Requires: started. Owned by the input.
  virtual source::Source& source() = 0;
  /// Whether the bytes of a batch stay where they are while others are filled.
  virtual bool may_run_ahead() const { return false; }
  /// Before a batch is waited for; how long that may take at most.
  virtual std::chrono::milliseconds before_batch(std::chrono::milliseconds wait) { return wait; }
  virtual base::Status set_paused(bool /*is_paused*/) { return {}; }
  /// Any thread: the run is to end.
  virtual void stop() = 0;
  /// Any thread: a source that waits returns.
  virtual void wake() {}
  /// No event follows, what was lost is known.
  virtual void finish() {}
  /// After the last word of the run: what it still holds goes.
  virtual void end() {}

  /// Wall clock (ns since 1970) less the trace's clock; 0 when nobody knows.
  virtual int64_t wall_offset() const = 0;
  /// How far the reading has got. Any thread.
  virtual source::Progress progress() const { return {}; }
  /// Losses that no LOST record tells, as far as they are known.
  virtual std::vector<source::Loss> final_losses() { return {}; }
  // `is_at_rest`: no thread reads the source now, so it may be asked.
  virtual std::vector<std::string> notes(bool is_at_rest) const = 0;
  virtual bool is_damaged(bool /*is_at_rest*/) const { return false; }
};

}  // namespace oc::session
