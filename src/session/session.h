#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "session/event_kinds.h"
#include "session/fed_input.h"
#include "session/file_input.h"
#include "session/live_input.h"
#include "session/machine_feed.h"
#include "session/recording.h"
#include "session/run.h"
#include "session/run_options.h"
#include "session/trace_model.h"
#include "session/trace_subset.h"

namespace oc::session {

/// One trace from its opening to its last word: an input, the events wanted of it, and one run or recording.
///
///     input    LiveInput (unless opened otherwise), FileInput or FedInput
///     kinds    which events there are, and which are wanted
///     model    what their ids mean
///     run      batches of events      or      recording    the same to a file
///
/// Life: [open_file or open_fed] → kinds().resolve, want … → start or start_recording → next … → finish → end. What the
/// run left can be asked as long as the session is there. Used by the script's thread; `stop` and `wake` by any.
class Session {
 public:
  ~Session();

  /// The trace is what the caller adds to it. Arguments: see FedInput.
  FedInput& open_fed(std::string name, base::Nanos start, base::Nanos window, int64_t wall_offset);
  /// A file, a FIFO, or "-" for standard input; `is_asked_to_stop` ends the wait for a stream's beginning.
  base::Status open_file(
      const std::string& path,
      const std::function<bool()>& is_asked_to_stop = [] { return false; });

  bool is_live() const { return std::holds_alternative<LiveInput>(input_); }
  // Null when the trace is another's.
  LiveInput* live() { return std::get_if<LiveInput>(&input_); }
  FedInput* fed() { return std::get_if<FedInput>(&input_); }
  const source::RecordedTrace* file() const;
  /// Whichever it is.
  TraceInput& input();
  EventKinds& kinds() { return kinds_; }
  const EventKinds& kinds() const { return kinds_; }
  const TraceModel& model() const { return model_; }
  /// What the run keeps of stacks; declared before its start.
  Stacks& stacks() { return model_.stacks; }

  /// Before `start`: the samples of all kinds that are wanted go into a machine, too, and who ran when.
  void declare_machine() { wants_machine_ = true; }
  /// Before `start`: its samples keep their payloads; they are only those that the feed is told of.
  void keep_records() { keeps_records_ = true; }
  void feed_chosen() { feeds_chosen_ = true; }
  /// The names of all stacks will be asked for when the run is over: of recorded traces they are begun meanwhile.
  void expect_names() { expects_names_ = true; }
  /// Null before the start, or when none was declared.
  machine::Machine* machine() { return machine_.get(); }
  /// Null likewise.
  MachineFeed* machine_feed() { return feed_.get(); }

  /// Before `start`: makes a perf.data of the events that are then added to it; of recorded traces. It is told of each
  /// batch. Owned by the session, until `close_subset`. Errors: no recorded trace; the place of the output.
  base::Result<TraceSubset*> open_subset(const std::string& path);
  /// It goes, and what it wrote, unless it was finished.
  void close_subset(const TraceSubset* subset);

  base::Status start(const RunOptions& options);
  /// Instead of `start`: `next` then gives empty batches until the end.
  base::Status start_recording(const RunOptions& options, RecordOptions recording);
  /// Before start_recording: it will go on by itself, without `next`, until `finish`.
  void record_ahead() { recording_.run_ahead(); }
  bool records_ahead() const { return recording_.runs_ahead(); }
  /// Writes what a flight recorder holds to a file; see Recorder::dump.
  base::Status dump(const std::string& path);
  /// Null unless one was started.
  const Recording* recording() const { return recording_.is_started() ? &recording_ : nullptr; }

  // While the run goes on; what is decoded from the next batch on goes by it.
  /// Asks for events of a kind. Of a trace that is not live these are only those that were wanted at the start.
  base::Status add(uint32_t kind);
  /// Nobody asks for a kind any more: live, the kernel's events are closed.
  void remove(uint32_t kind);
  /// What the kernel shall leave out of a kind from now on. Only saves work, like the filter before the start: no event
  /// is missing or told twice.
  base::Status change_kernel_filter(uint32_t kind, std::string text);
  /// Behind the last of the changes that were made together.
  void finish_kernel_filters();

  /// The next batch; null when the run is over. Lent: until the next call.
  base::Result<const Batch*> next(std::chrono::milliseconds wait);
  void stop();
  /// Any thread: a live `next` that waits returns.
  void wake() { input().wake(); }
  /// Of traces that are not live this is only noted: their events are there, and whoever reads them skips.
  base::Status set_paused(bool is_paused);
  bool is_paused() const { return is_paused_; }
  /// Ends the run, also before its last batch: stops the kernel's events, takes the final losses, frees
  /// the batches. Nothing is lent any more; the trace can still be asked.
  void finish();
  /// After the last word of the run.
  void end();

  const Counts& counts() const;
  // These are complete after the run's end.
  std::vector<source::Loss> losses();
  std::vector<std::string> notes();
  bool is_damaged();

 private:
  base::Status open_archive(std::unique_ptr<tar::Unpacked> archive);
  bool was_started() const { return run_ || recording_.is_started(); }
  base::Status check(const RunOptions& options) const;
  void make_machine();
  void tell_machine();
  void begin_names();
  void tell_changes();
  bool is_at_rest() const { return !run_ || run_->is_at_rest(); }

  TraceModel model_;
  std::variant<LiveInput, FileInput, FedInput> input_;
  EventKinds kinds_{input()};
  std::unique_ptr<Run> run_;
  Recording recording_;
  bool wants_machine_ = false;
  bool keeps_records_ = false;
  bool feeds_chosen_ = false;
  bool expects_names_ = false;
  uint32_t batches_ = 0;
  std::unique_ptr<machine::Machine> machine_;
  std::unique_ptr<MachineFeed> feed_;
  std::vector<std::unique_ptr<TraceSubset>> subsets_;
  bool is_paused_ = false;
  bool is_over_ = false;
  std::vector<source::Loss> losses_;  ///< of a run that is over
};

}  // namespace oc::session
