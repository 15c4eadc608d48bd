#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/interner.h"
#include "base/result.h"
#include "event/event_table.h"
#include "event/filter.h"
#include "event/filter_kernel.h"
#include "process/cgroup_names.h"
#include "process/process_model.h"
#include "session/decoder.h"
#include "session/governor.h"
#include "session/live_plan.h"
#include "session/pump.h"
#include "session/recorder.h"
#include "session/recording_thread.h"
#include "session/stacks.h"
#include "session/target_settings.h"
#include "source/fed_source.h"
#include "source/recorded_trace.h"
#include "sys/host.h"

namespace oc::session {

/// How to run; 0 means unlimited or the default.
struct RunOptions {
  uint64_t max_events = 0;
  base::Nanos max_span = 0;
  TimeWindow window;                 ///< recorded only
  uint64_t buffer_bytes = 0;         ///< data ring per CPU, live only
  std::vector<std::string> command;  ///< live only; empty: the whole system
  double max_overhead = 0;     ///< live only: own CPU time of the machine's, 0 to 1; 0: no limit
  bool starts_paused = false;  ///< live only
  perf::Target target;         ///< of a recorded trace: by process, name and CPU
};

/// One run over one trace: which source, which events, the thread that decodes, what was lost.
///
/// Life: [open_file or open_fed, add_fed_kind …] → resolve, want … → start → next … → (end) → stats.
/// Without open_… it is live.
/// Used by the script's thread; `stop` by any.
class Session {
 public:
  Session();
  ~Session();

  /// The trace is what the caller adds to `fed`. Times are the source's; `start` is the beginning, and
  /// `wall_offset` what leads from its clock to the wall's (0: not known).
  void open_fed(std::string name, base::Nanos start, base::Nanos window, int64_t wall_offset);
  /// A kind of sample of such a trace, before anything is resolved; perf's names have perf's types.
  /// `more_sample_type`: PERF_SAMPLE_IP, PERF_SAMPLE_ADDR.
  uint32_t add_fed_kind(event::EventFormat format, uint64_t more_sample_type);
  bool is_live() const { return recorded_events() == nullptr; }
  /// Null unless open_fed was called.
  source::FedSource* fed() { return fed_.get(); }
  /// A file, a FIFO, or "-" for standard input; `is_asked_to_stop` ends the wait for a stream's beginning.
  base::Status open_file(
      const std::string& path,
      const std::function<bool()>& is_asked_to_stop = [] { return false; });
  /// Null unless a file was opened.
  const source::RecordedTrace* file() const { return file_.get(); }

  /// An event of the script's own, beside the trace's: its number, from kFirstProxy on. Its events never
  /// pass through the decoder: the script itself hands them on.
  static constexpr uint32_t kFirstProxy = 1u << 16;
  uint32_t add_proxy(event::EventFormat format);
  /// The kinds that `name` or a glob means; live ones are added to what will be opened.
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& settings);
  /// How events are sampled, live; before the first `resolve`.
  void set_sampling(const Sampling& sampling) { plan_.set_sampling(sampling); }
  /// Why a live event of `event_names` cannot be had here; empty when it can.
  std::string missing_event(const std::string& name) const { return plan_.missing(name); }
  /// Kinds are numbered: kernel records first (event::KernelRecord), then samples.
  uint32_t kind_count() const;
  std::string_view kind_name(uint32_t kind) const;
  /// Null for a kernel record.
  const event::EventKind* sample_kind(uint32_t kind) const;
  /// Null when nobody knows the payload.
  const event::EventFormat* kind_format(uint32_t kind) const;
  bool has_switch_records() const;
  /// The table of the source; null when live and not started, or over.
  const event::EventTable* events() const;
  /// Wall clock (ns since 1970) less the trace's clock; 0 when nobody knows.
  int64_t wall_offset() const { return file_ ? file_->facts().wall_offset : wall_offset_; }
  /// Names of the trace's events, or of those that this machine can record.
  std::vector<std::string> event_names(const std::string& glob) const;

  void want(uint32_t kind);

  /// A filter for events of `kind`, whose canonical event adds `aliases`.
  base::Result<event::Filter> check_filter(uint32_t kind, std::string_view text,
                                           std::vector<event::FilterAlias> aliases) const;
  /// What the kernel can leave out for it: nothing of what is no tracepoint, or of a recorded trace.
  event::KernelFilter make_kernel_filter(uint32_t kind, const event::Filter& filter) const;
  /// Asks for that; before `start`. It only saves work: events are to be filtered again.
  void set_kernel_filter(uint32_t kind, std::string text);
  /// What the kernel took; after `start`.
  std::string kernel_filter_taken(uint32_t kind) const;
  /// Live samples carry the cgroup of their moment; before the events are resolved.
  void sample_cgroups() { plan_.sample_cgroups(); }
  /// The path of a cgroup by the id of a sample; "" when no record told it.
  std::string cgroup_path(uint64_t id) const { return cgroups_.find(id); }
  base::Status start(const RunOptions& options);
  /// Instead of `start`: every event asked for goes to a file. `next` then gives empty batches until the end.
  base::Status start_recording(const RunOptions& options, RecordOptions recording);
  /// Before start_recording: it will go on by itself, without `next`, until `finish`.
  void record_ahead();
  bool records_ahead() const { return recording_thread_ != nullptr; }
  /// Writes what a flight recorder holds to a file; see Recorder::dump.
  base::Status dump(const std::string& path);
  /// Null unless recording.
  const Recorder* recorder() const { return recorder_.get(); }
  /// Why the recording could not go on or be finished, once it is finished.
  const std::optional<base::Error>& record_failure() const { return record_failure_; }
  /// The next batch; null when the run is over. Lent: until the next call.
  base::Result<const Batch*> next(std::chrono::milliseconds wait);
  void stop();
  /// Live: the kernel's events stop, but for those that tell names and threads, or go on. What has happened
  /// is delivered. Of other traces this is only noted: their events are there, and whoever reads them skips.
  base::Status set_paused(bool is_paused);
  bool is_paused() const { return is_paused_; }
  /// Of this machine, which live traces are from.
  static sys::HostFacts host_facts();
  /// Any thread: a live `next` that waits returns.
  void wake();
  /// How much of the asked sampling rate is left, where --max-overhead lowered it; 1: all.
  double sampling_share() const;
  /// Ends the run, also before its last batch: stops the kernel's events, takes the final losses, frees
  /// the batches. Nothing is lent any more; the trace can still be asked.
  void finish();
  /// After the last word of the run: waits a moment for a command that the run outlived by being stopped,
  /// closes the kernel's events and rings.
  void end();

  /// What a run keeps of stacks; declared before the start.
  Stacks& stacks() { return stacks_; }
  const base::Interner& strings() const { return strings_; }
  const Counts& counts() const { return counts_; }
  /// How far the reading of a file has got. Any thread.
  source::Progress progress() const {
    return file_ ? file_->source().progress() : source::Progress{};
  }
  /// These are complete after the run's end.
  std::vector<source::Loss> losses() const;
  std::vector<std::string> notes() const;
  bool is_damaged() const;
  /// Of the launched command: exit status, or 128 + signal; absent while it runs.
  std::optional<int> command_status() const;

 private:
  base::Result<std::vector<uint32_t>> resolve_recorded(const std::string& name) const;
  std::vector<uint32_t> find_recorded(const std::string& name) const;
  base::Status start_live(const RunOptions& options, Selection& selection);
  base::Status choose_window(const TimeWindow& window, Selection& selection);
  base::Status start_fed(Selection& selection);
  /// Null when live.
  const event::EventTable* recorded_events() const;
  /// Null when the kind is no proxy.
  const event::EventFormat* find_proxy(uint32_t kind) const {
    return kind - kFirstProxy < proxies_.size() ? &proxies_[kind - kFirstProxy] : nullptr;
  }
  void finish_recording();
  void prepare_control(const RunOptions& options);
  base::Status govern();
  std::string overhead_note() const;
  void take_counts();
  perf::LiveRequest make_request(const RunOptions& options) const;
  base::Result<const Batch*> next_recorded(std::chrono::milliseconds wait);
  std::chrono::milliseconds look_at_deadline(std::chrono::milliseconds wait);
  base::Error no_such_event(const std::string& name) const;

  base::Interner strings_;
  process::ProcessModel processes_;
  process::CgroupNames cgroups_;
  Stacks stacks_;
  std::unique_ptr<source::FedSource> fed_;
  base::Nanos fed_start_ = 0;
  std::deque<event::EventFormat> proxies_;
  std::unique_ptr<source::RecordedTrace> file_;
  LivePlan plan_;
  std::unique_ptr<perf::LiveSource> live_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<RecordingThread> recording_thread_;
  Batch nothing_;  ///< what `next` gives while recording
  std::vector<uint8_t> wanted_;
  TimeWindow window_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Pump> pump_;
  std::optional<base::Nanos> live_deadline_;
  std::optional<Governor> governor_;
  bool has_rates_ = false;  ///< the governor had something to slow
  bool is_paused_ = false;
  uint64_t max_recorded_ = 0;
  std::optional<base::Error> record_failure_;
  bool decoder_is_done_ = false;  ///< the source is at rest and may be asked
  Counts counts_;
  int64_t wall_offset_ = 0;  ///< of a trace that is no file
  // What is left of a run that is over.
  bool is_over_ = false;
  std::vector<source::Loss> losses_;
  std::vector<std::string> final_notes_;
  std::optional<int> command_status_;
};

}  // namespace oc::session
