#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "event/event_table.h"
#include "perf/event_opener.h"
#include "perf/event_set.h"
#include "perf/guardian.h"
#include "perf/launcher.h"
#include "perf/live_request.h"
#include "perf/poller.h"
#include "perf/task_ledger.h"
#include "source/source.h"
#include "sys/permissions.h"
#include "sys/proc.h"

namespace oc::perf {

/// The kernel's rings as a Source: system-wide, of one command and its children, of processes and
/// threads that run already, or of cgroups.
///
///     open ─> start ─> next_round, release ... ─> request_stop, or the command ended ─> is_last
///
/// `events()` has the requested kinds in their order, then "dummy:sideband" and "dummy:data", which
/// own the rings and are the kinds of the other records' trailers; "dummy:names" last, where names are
/// heard of more threads than are traced.
///
/// Processes are attached to thread by thread, each on every CPU, until two looks at /proc agree
/// (TaskLedger knows who inherited what meanwhile). Where that needs more descriptors than there may
/// be, or new threads come too fast, everything is traced instead and `selects_tasks` says that the
/// decoder has to choose. The run ends when all of them have, and what they started.
///
/// Horizon: the clock is read before the heads, minus 1 ms for records that had their time but not
/// yet their place (docs/design/live.md has what was seen to come later).
///
/// Losses are told twice. A LOST record in a data ring says where records are missing in its CPU,
/// under the id of any event of that ring. `final_losses` says how many by CPU and event, including
/// those after which no record came. So: mark gaps by the first, report numbers by the second, and
/// add the two never; only where `final_losses` is empty although LOST records came (Linux
/// before 6.0) are these the number.
///
/// One thread, but for wake and request_stop.
class LiveSource final : public source::Source {
 public:
  /// Opens everything, disabled; the command is forked but waits. Start all threads first that
  /// `own_tids` shall name. A `guardian` that was started earlier (before other threads) is used;
  /// otherwise one is started here.
  static base::Result<std::unique_ptr<LiveSource>> open(LiveRequest request,
                                                        Guardian guardian = {});
  ~LiveSource() override;

  /// Enables the events, or lets the command start. Error: the command cannot be executed.
  base::Status start();
  /// Stops all events but those that tell names and threads, and lets them go on. Between start and finish.
  base::Status pause();
  base::Status resume();
  // While it runs, in src/perf/live_changes.cc. Numbers are those of `events()`.
  /// One more kind, the next of `events()`, not open yet.
  void add(const EventRequest& request) { set_->add(request, table_); }
  /// Opens one and lets it go; nothing is done when it is open. Its samples are of everything, also where chosen
  /// processes are followed: see `follows_tasks`.
  base::Status open_late(uint32_t kind, EventRequest request);
  /// Records that were not asked for at the start: those that `more` names, from now on. The table gets the kinds of
  /// the dummies that bring them.
  base::Status hear(const LiveRequest& more);
  /// Stops one and leaves its descriptors to the guardian. What it lost is told as before.
  void close(uint32_t kind);
  /// Who has the samples of a kind before and after its descriptors were replaced.
  struct Exchange {
    uint32_t kind = 0;
    base::Nanos from = 0;  ///< the newer ones write
    base::Nanos at = 0;    ///< samples of the old ones from here on are told by the new ones too
    std::vector<uint64_t> older;  ///< ids
    std::vector<uint64_t> newer;
  };
  /// Another filter for a tracepoint that is open: the kernel takes one only once, so other descriptors take over. Both
  /// write until `finish_exchanges`, which is to come soon: once for all kinds that change.
  base::Status begin_exchange(uint32_t kind, EventRequest request);
  bool has_exchanges() const { return !exchanges_.empty(); }
  /// Until no event is told any more that was when this began: about 6 ms, at most some 20. Any thread.
  static void wait_for_handlers();
  /// What began takes over at `at`; requires a wait before that, and another one behind it.
  std::vector<Exchange> finish_exchanges(base::Nanos at);
  bool is_open(uint32_t kind) const { return set_->opened().is_open(kind); }
  /// How often the kernel saw a kind's events since the start, lost ones too.
  uint64_t counted(uint32_t kind) const { return set_->opened().read_count(kind); }

  /// Samples so much of what was asked by frequency: 1 all, 0.5 half. False when nothing was.
  base::Result<bool> set_rate(double share);
  /// Threads that ran before the events did; call after `start`. Live records know better.
  std::vector<sys::ThreadInfo> rundown();
  /// CLOCK_MONOTONIC just before the events were enabled.
  base::Nanos start_time() const { return start_time_; }

  /// From any thread: the next round stops the events and is the last.
  void request_stop();
  bool is_finished() const { return state_ == State::kFinished; }
  bool command_running() const { return launcher_ && launcher_->is_running(); }
  pid_t command_pid() const { return launcher_ ? launcher_->pid() : 0; }
  /// As from waitpid; empty while it runs, or without a command.
  std::optional<int> command_status() const;

  /// After the last round, or instead of it: the events stop, a command that still runs is sent
  /// SIGTERM.
  void finish() { disable(); }
  /// After that: gives the command a second to end, and notes when it does not.
  void await_command();

  uint64_t data_ring_bytes() const { return set_->rings().data_bytes(); }
  /// The target's processes and threads are not told apart by the kernel: the decoder has to.
  bool selects_tasks() const { return selects_tasks_; }
  /// The kind whose records are for the process model only; kUnknown: there is none.
  uint32_t names_kind() const;
  int32_t cpu_of_stream(uint32_t stream) const { return set_->rings().cpu_of(stream); }
  bool is_sideband(uint32_t stream) const { return set_->rings().is_sideband(stream); }
  const SidebandExtras& extras() const { return extras_; }
  /// The command is what is traced, not only how long.
  bool is_command() const {
    return !request_.command.empty() && !request_.target.is_system &&
           !request_.target.is_chosen_here;
  }
  /// The kernel gives records of these tasks only: of the command, or of those that were attached to.
  bool follows_tasks() const {
    return is_command() || (request_.target.has_tasks() && !selects_tasks_);
  }
  const LiveRequest& request() const { return request_; }

  /// What of the filter of event `index` the kernel took; empty for nothing.
  std::string filter(uint32_t index) const {
    return index < set_->size() ? set_->filter(index) : std::string();
  }

  const event::EventTable& events() const override { return table_; }
  base::Status next_round(std::chrono::milliseconds wait, source::Round& round) override;
  void release(uint32_t stream, uint64_t position) override {
    set_->rings().release(stream, position);
  }
  void wake() override { poller_.wake(); }
  std::vector<source::Loss> final_losses() override { return set_->opened().read_losses(); }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  static constexpr uint64_t kOtherFiles = 64;  // what the rest of the program may have open

  LiveSource(LiveRequest request, Guardian guardian, Poller poller);
  base::Status set_up();
  base::Result<std::vector<int32_t>> choose_cpus(std::vector<int32_t>& others) const;
  base::Status open_events();
  base::Status attach_tasks(EventOpener& opener, const AttrBasis& basis);
  base::Status attach_once(EventOpener& opener, TaskLedger& ledger);
  base::Status attach(EventOpener& opener, int32_t tid, bool inherits, TaskLedger& ledger);
  void hear_forks(TaskLedger& ledger);
  std::vector<int32_t> wanted_threads() const;
  base::Status open_cgroups(Places& places);
  base::Status trace_everything(EventOpener& opener, const AttrBasis& basis,
                                const std::string& why);
  base::Status make_room(size_t threads, size_t kinds);
  void find_extras(EventOpener& opener, const Place& place, AttrBasis& basis) const;
  uint32_t early_wakeup() const;
  EventRequest first_wanted() const;
  void make_set(const AttrBasis& basis, bool hears_names);
  Places places_for(const Place& like) const;
  std::string own_filter() const;
  base::Status watch();
  bool tasks_have_ended();
  void disable();
  base::Status switch_kinds(bool is_of_names, bool is_enabled);
  base::Status may_add(const std::string& name) const;
  base::Status hear_by(const perf_event_attr& attr, bool is_of_data);
  base::Status make_late_room();
  base::Status open_now(uint32_t kind, const EventRequest& request);
  void retire(uint32_t kind, const std::vector<OpenEvent>& events);

  // The guardian goes last: its references have to be there while ours are closed.
  Guardian guardian_;
  LiveRequest request_;
  sys::Permissions permissions_;
  SidebandExtras extras_;
  std::vector<std::string> notes_;
  event::EventTable table_;
  std::vector<base::Fd> cgroups_;
  std::vector<int32_t> cpus_;        ///< traced
  std::vector<int32_t> other_cpus_;  ///< names are heard there too
  struct Exchanging {
    Exchange exchange;
    std::vector<OpenEvent> before;
  };
  std::vector<Exchanging> exchanges_;
  std::optional<EventSet> set_;
  std::vector<int> alive_;  ///< one descriptor of each attached thread that has not ended
  std::map<int32_t, sys::ThreadInfo>
      attached_;                 ///< by tid, with what they started: they may end before `rundown`
  std::set<int32_t> inherited_;  ///< threads that those started until all were attached to
  bool selects_tasks_ = false;
  bool is_paused_ = false;
  std::vector<Place> traced_;  ///< where events are opened, but for chosen processes
  std::optional<Launcher> launcher_;
  Poller poller_;
  base::Nanos start_time_ = 0;
  enum class State { kOpened, kStarted, kFinished } state_ = State::kOpened;
  std::atomic<bool> is_stop_requested_ = false;
};

}  // namespace oc::perf
