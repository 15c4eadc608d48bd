#include "session/followed_tasks.h"

#include <linux/perf_event.h>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::session {

using base::load;

namespace {
constexpr uint32_t kTaskBytes = 32;  // { header, pid, ppid, tid, ptid, u64 time }
constexpr uint32_t kCommBytes = 16;  // { header, pid, tid, name … }
}  // namespace

void FollowedTasks::learn(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    const bool is_task = header.size_bytes >= kTaskBytes;
    if (header.type == PERF_RECORD_FORK && is_task) {
      pids_[load<int32_t>(record + 16)] = load<int32_t>(record + 8);
    } else if (header.type == PERF_RECORD_EXIT && is_task) {
      pids_.erase(load<int32_t>(record + 16));
    } else if (header.type == PERF_RECORD_COMM && header.size_bytes >= kCommBytes) {
      // An exec by another thread than the first: that takes over the id of the first, which told of its end.
      pids_[load<int32_t>(record + 12)] = load<int32_t>(record + 8);
    } else if (header.type == PERF_RECORD_LOST) {
      is_whole_ = false;
    }
    record += header.size_bytes;
  }
}

/// Spans of several CPUs are looked at one after the other, so that a FORK may come behind its EXIT.
std::vector<sys::ThreadInfo> FollowedTasks::list(const std::string& proc) {
  std::vector<sys::ThreadInfo> threads;
  for (auto task = pids_.begin(); task != pids_.end();) {
    sys::ThreadInfo thread = sys::load_thread(task->second, task->first, proc);
    if (thread.comm.empty()) {
      task = pids_.erase(task);
      continue;
    }
    threads.push_back(std::move(thread));
    ++task;
  }
  return threads;
}

}  // namespace oc::session
