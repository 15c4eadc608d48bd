#include "session/followed_tasks.h"

#include <linux/perf_event.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::session {

using base::load;

namespace {
constexpr uint32_t kTaskBytes = 32;  // { header, pid, ppid, tid, ptid, u64 time }
constexpr uint32_t kCommBytes = 16;  // { header, pid, tid, name … }
}  // namespace

void FollowedTasks::learn(std::span<const source::Span> spans) {
  ended_.clear();
  for (const source::Span& span : spans) forget_ended(span);
  for (const source::Span& span : spans) add_named(span);
}

void FollowedTasks::forget_ended(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    if (header.type == PERF_RECORD_EXIT && header.size_bytes >= kTaskBytes) {
      ended_.push_back(load<int32_t>(record + 16));
      pids_.erase(ended_.back());
    } else if (header.type == PERF_RECORD_LOST) {
      is_whole_ = false;
    }
    record += header.size_bytes;
  }
}

void FollowedTasks::add_named(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    if (header.type == PERF_RECORD_FORK && header.size_bytes >= kTaskBytes) {
      put(load<int32_t>(record + 8), load<int32_t>(record + 16));
    } else if (header.type == PERF_RECORD_COMM && header.size_bytes >= kCommBytes) {
      // An exec by another thread than the first: that takes over the id of the first, which told of its end.
      put(load<int32_t>(record + 8), load<int32_t>(record + 12));
    }
    record += header.size_bytes;
  }
}

void FollowedTasks::put(int32_t pid, int32_t tid) {
  const bool has_ended = std::find(ended_.begin(), ended_.end(), tid) != ended_.end();
  if (has_ended && kill(tid, 0) != 0 && errno == ESRCH) return;
  pids_[tid] = pid;
}

std::vector<sys::ThreadInfo> FollowedTasks::list(const std::string& proc) {
  std::vector<sys::ThreadInfo> threads;
  for (auto task = pids_.begin(); task != pids_.end();) {
    sys::ThreadInfo thread = sys::load_thread(task->second, task->first, proc);
    // A name that cannot be read just now is no end: descriptors may have run out.
    const bool has_ended = thread.comm.empty() && kill(task->first, 0) != 0 && errno == ESRCH;
    if (!thread.comm.empty()) threads.push_back(std::move(thread));
    task = has_ended ? pids_.erase(task) : std::next(task);
  }
  return threads;
}

}  // namespace oc::session
