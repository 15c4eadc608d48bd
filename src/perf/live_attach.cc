// LiveSource: processes and threads that run already.
#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/clock.h"
#include "perf/live_source.h"

namespace oc::perf {

namespace {

constexpr int kMostAttempts = 5;
constexpr int kMostLooks = 50;
constexpr int kQuietLooks = 2;
constexpr std::chrono::milliseconds kRecordsTake{2};

base::Error no_such_process(const char* what, int32_t number) {
  return base::make_error(base::Code::kNotFound, fmt::format("there is no {} {}", what, number),
                          "ps -eL shows those that there are (PID, LWP)");
}

}  // namespace

/// The threads that are wanted, as /proc has them now.
std::vector<int32_t> LiveSource::wanted_threads() const {
  std::set<int32_t> tids(request_.target.tids.begin(), request_.target.tids.end());
  for (const int32_t pid : request_.target.pids) {
    for (const int32_t tid : sys::list_threads(pid)) {
      if (sys::is_alive(tid)) tids.insert(tid);  // the first one may have ended
    }
  }
  return {tids.begin(), tids.end()};
}

/// Attaches to all threads of the target; starts over when a thread that is being attached to starts
/// another. Error: all have ended, or one cannot be traced.
base::Status LiveSource::attach_tasks(EventOpener& opener, const AttrBasis& basis) {
  for (const int32_t pid : request_.target.pids) {
    if (!sys::is_process_alive(pid)) return no_such_process("process", pid);
  }
  for (const int32_t tid : request_.target.tids) {
    if (!sys::is_alive(tid)) return no_such_process("thread", tid);
  }
  const size_t kinds = request_.events.size() + 2;
  const auto threads = wanted_threads();
  if (threads.empty())
    return base::make_error(base::Code::kNotFound, "all processes to trace have ended");
  if (auto status = make_room(threads.size() + threads.size() / 8 + 16, kinds); !status) {
    if (!permissions_.may_trace_system_wide()) return status;
    return trace_everything(opener, basis, status.error().what);
  }
  AttrBasis found = basis;
  if (auto status = opener.probe(first_wanted(), {threads.front(), cpus_.front()}, found); !status)
    return status;
  find_extras(opener, {threads.front(), cpus_.front()}, found);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    make_set(found, !other_cpus_.empty());
    alive_.clear();
    attached_.clear();
    TaskLedger ledger;
    if (auto status = attach_once(opener, ledger); !status) return status;
    if (ledger.is_doubtful()) continue;
    inherited_ = ledger.inherited();
    return {};
  }
  if (permissions_.may_trace_system_wide())
    return trace_everything(opener, basis, "new threads come too fast to attach to each");
  notes_.push_back(
      "new threads came while the others were attached to: a few may be counted twice, "
      "or not at all");
  return {};
}

/// A thread that was being started while its parent was attached to shows in /proc, and tells of itself, only when that
/// is over: so it is looked until nothing was found twice, with some time after each look.
///
///     8    [opens 8's events]
///     8  clone ─────────────────> 9 is in /proc, FORK     9 has none of them: found by one of the next looks
base::Status LiveSource::attach_once(EventOpener& opener, TaskLedger& ledger) {
  const auto& alone = request_.target.tids;
  int quiet = 0;
  for (int look = 0; look < kMostLooks && quiet < kQuietLooks && !ledger.is_doubtful(); ++look) {
    const auto wanted = wanted_threads();
    // A thread is in /proc before its FORK record is in the ring.
    if (look > 0) std::this_thread::sleep_for(kRecordsTake);
    hear_forks(ledger);
    const auto missing = ledger.missing(wanted);
    if (missing.empty()) {
      ++quiet;
      continue;
    }
    quiet = 0;
    if (auto status = make_room(ledger.size() + missing.size(), set_->kinds_per_place()); !status)
      return status;
    for (const int32_t tid : missing) {
      const bool is_alone = std::count(alone.begin(), alone.end(), tid) != 0;
      if (auto status = attach(opener, tid, !is_alone, ledger); !status) return status;
    }
  }
  if (set_->has_rings()) return {};
  return base::make_error(base::Code::kNotFound, "all processes to trace have ended");
}

/// Opens everything in one thread; one that has ended meanwhile is left out.
base::Status LiveSource::attach(EventOpener& opener, int32_t tid, bool inherits,
                                TaskLedger& ledger) {
  const base::Nanos begin = base::now_of(CLOCK_MONOTONIC);
  const size_t dummies_before = set_->sideband_dummies().size();
  const Places places = places_for({tid, -1, false, inherits});
  base::Status status = set_->open(opener, places, permissions_, {}, notes_);
  const bool has_ended =
      !status && (status.error().sys_errno == ESRCH || sys::list_threads(tid).empty());
  if (has_ended) {
    ledger.gone(tid);
    return {};
  }
  if (!status) return std::move(status.error()).context(fmt::format("thread {}", tid));
  ledger.attached(tid, begin, base::now_of(CLOCK_MONOTONIC), inherits);
  attached_[tid] = sys::load_thread(tid);
  alive_.push_back(set_->sideband_dummies()[dummies_before].fd.number());
  return {};
}

/// What the rings told of new threads so far. Nobody else needs these records: who runs is looked up in /proc after the
/// start; only those that end before that have to be asked for their names now.
void LiveSource::hear_forks(TaskLedger& ledger) {
  if (!set_->has_rings()) return;
  std::vector<source::Span> spans;
  set_->rings().collect(spans, notes_);
  std::vector<Fork> forks;
  find_forks(spans, forks);
  std::map<int32_t, std::string> names;
  find_names(spans, names);
  for (const source::Span& span : spans) {
    set_->rings().release(span.stream,
                          span.position + static_cast<uint64_t>(span.end - span.begin));
  }
  ledger.heard(forks);
  for (const Fork& fork : forks) {
    if (ledger.inherited().count(fork.tid) == 0 || attached_.count(fork.tid) != 0) continue;
    sys::ThreadInfo thread = sys::load_thread(fork.tid);
    if (thread.comm.empty()) {  // it has ended: a thread begins with the name of who starts it
      const auto parent = attached_.find(fork.parent_tid);
      if (parent == attached_.end()) continue;
      const auto own = names.find(fork.tid);
      thread = {fork.pid, fork.tid, own == names.end() ? parent->second.comm : own->second};
    }
    attached_[fork.tid] = std::move(thread);
  }
}

/// The way out when threads cannot be attached to one by one, and where that was asked for (`why` is empty then): the
/// decoder leaves out the others.
base::Status LiveSource::trace_everything(EventOpener& opener, const AttrBasis& basis,
                                          const std::string& why) {
  if (!why.empty())
    notes_.push_back(why + ": everything is traced, and what others do is left out here");
  selects_tasks_ = true;
  alive_.clear();
  attached_.clear();
  Places places = places_for({});
  AttrBasis found = basis;
  const size_t kinds = request_.events.size() + 3;
  if (auto status = make_room(1, kinds); !status) return status;
  if (auto status = opener.probe(first_wanted(), places.traced.front(), found); !status)
    return status;
  find_extras(opener, places.traced.front(), found);
  make_set(found, !places.heard.empty());
  traced_ = places.traced;
  return set_->open(opener, places, permissions_, own_filter(), notes_);
}

base::Status LiveSource::watch() {
  for (const OpenEvent& event : set_->data_dummies()) {
    if (auto status = poller_.add(event.fd.number()); !status) return status;
  }
  for (const RingOwner& owner : set_->sideband_owners()) {
    if (auto status = poller_.add(owner.fd); !status) return status;
  }
  return {};
}

/// Whether all that was attached to has ended, with what it started: the kernel hangs up then. What
/// is asked here is not told to the poller again, so the rings are read right after.
bool LiveSource::tasks_have_ended() {
  if (selects_tasks_) {
    const auto& target = request_.target;
    const auto lives = [](int32_t tid) { return sys::is_alive(tid); };
    const auto runs = [](int32_t pid) { return sys::is_process_alive(pid); };
    return std::none_of(target.pids.begin(), target.pids.end(), runs) &&
           std::none_of(target.tids.begin(), target.tids.end(), lives);
  }
  if (alive_.empty()) return false;
  std::vector<pollfd> asked;
  for (const int fd : alive_) asked.push_back({fd, POLLIN, 0});
  if (::poll(asked.data(), asked.size(), 0) <= 0) return false;
  for (const pollfd& answer : asked) {
    if ((answer.revents & POLLHUP) != 0)
      alive_.erase(std::find(alive_.begin(), alive_.end(), answer.fd));
  }
  return alive_.empty();
}

uint32_t LiveSource::names_kind() const {
  return set_->hears_names() ? static_cast<uint32_t>(set_->names_kind())
                             : event::EventTable::kUnknown;
}

}  // namespace oc::perf
