#include "perf/task_ledger.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::perf {

namespace {
/// pid, ppid, tid, ptid, time: linux/perf_event.h, PERF_RECORD_FORK.
constexpr uint32_t kForkBytes = 8 + 4 * 4 + 8;
/// Behind pid and tid: PERF_RECORD_COMM.
constexpr uint32_t kCommStart = 8 + 2 * 4;
/// A clone hands the events on first and tells of itself later, how much later nobody promises.
constexpr base::Nanos kCloneTakes = 1'000'000;

template <typename Visit>
void for_each_record(std::span<const source::Span> spans, Visit visit) {
  for (const source::Span& span : spans) {
    const uint8_t* at = span.begin;
    while (span.end - at >= static_cast<ptrdiff_t>(sizeof(source::RecordHeader))) {
      const source::RecordHeader header = source::record_header(at);
      if (header.size_bytes < sizeof header || header.size_bytes > span.end - at) break;
      visit(header, at);
      at += header.size_bytes;
    }
  }
}
}  // namespace

void find_forks(std::span<const source::Span> spans, std::vector<Fork>& forks) {
  for_each_record(spans, [&](const source::RecordHeader& header, const uint8_t* at) {
    if (header.type != PERF_RECORD_FORK || header.size_bytes < kForkBytes) return;
    forks.push_back({base::load<uint64_t>(at + 24), base::load<int32_t>(at + 16),
                     base::load<int32_t>(at + 20), base::load<int32_t>(at + 8)});
  });
  std::stable_sort(forks.begin(), forks.end(),
                   [](const Fork& a, const Fork& b) { return a.time < b.time; });
}

void find_names(std::span<const source::Span> spans, std::map<int32_t, std::string>& names) {
  for_each_record(spans, [&](const source::RecordHeader& header, const uint8_t* at) {
    if (header.type != PERF_RECORD_COMM || header.size_bytes <= kCommStart) return;
    const auto* text = reinterpret_cast<const char*>(at) + kCommStart;
    names[base::load<int32_t>(at + 12)] =
        std::string(text, strnlen(text, header.size_bytes - kCommStart));
  });
}

void TaskLedger::attached(int32_t tid, base::Nanos begin, base::Nanos end, bool inherits) {
  attached_[tid] = {begin, end, inherits};
}

void TaskLedger::heard(const std::vector<Fork>& forks) {
  for (const Fork& fork : forks) {
    if (inherited_.count(fork.parent_tid) != 0) {
      inherited_.insert(fork.tid);
      continue;
    }
    const auto parent = attached_.find(fork.parent_tid);
    if (parent == attached_.end() || !parent->second.inherits) continue;
    if (fork.time >= parent->second.end + kCloneTakes) {
      inherited_.insert(fork.tid);
    } else if (fork.time >= parent->second.begin) {
      is_doubtful_ = true;
    }
  }
}

std::vector<int32_t> TaskLedger::missing(const std::vector<int32_t>& tids) const {
  std::vector<int32_t> missing;
  for (const int32_t tid : tids) {
    const bool is_known =
        attached_.count(tid) != 0 || inherited_.count(tid) != 0 || gone_.count(tid) != 0;
    if (!is_known) missing.push_back(tid);
  }
  return missing;
}

}  // namespace oc::perf
