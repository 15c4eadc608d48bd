#include "session/followed_tasks.h"

#include <linux/perf_event.h>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::session {

using base::load;

namespace {
constexpr uint32_t kTaskBytes = 32;  // { header, pid, ppid, tid, ptid, u64 time }
}

void FollowedTasks::learn(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    const bool is_task = header.size_bytes >= kTaskBytes;
    if (header.type == PERF_RECORD_FORK && is_task) {
      pids_[load<int32_t>(record + 16)] = load<int32_t>(record + 8);
    } else if (header.type == PERF_RECORD_EXIT && is_task) {
      pids_.erase(load<int32_t>(record + 16));
    } else if (header.type == PERF_RECORD_LOST) {
      is_whole_ = false;
    }
    record += header.size_bytes;
  }
}

std::vector<sys::ThreadInfo> FollowedTasks::list(const std::string& proc) const {
  std::vector<sys::ThreadInfo> threads;
  for (const auto& [tid, pid] : pids_) threads.push_back(sys::load_thread(pid, tid, proc));
  return threads;
}

}  // namespace oc::session
