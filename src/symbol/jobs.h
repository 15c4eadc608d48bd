#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace oc::symbol {

/// Calls `job(0) … job(count - 1)`, each once, from up to `threads` threads of which the caller's is one; returns when all
/// have ended. Jobs that throw have done nothing.
void run_jobs(size_t count, uint32_t threads, const std::function<void(size_t)>& job);

/// Jobs that a thread of their own begins before anybody waits for them; whoever waits does those that are left beside it.
///
///     begin ──> thread:  job 0 | job 1 | job 2 …        finish ──> caller:  … job 3 | job 5 |      both have ended
///
/// Jobs that throw have done nothing.
class EarlyJobs {
 public:
  explicit EarlyJobs(std::vector<std::function<void()>> jobs);
  EarlyJobs(const EarlyJobs&) = delete;
  EarlyJobs& operator=(const EarlyJobs&) = delete;
  /// Those that nobody has begun are not done. Waits for one that was begun: of a large debug file that is a section of hundreds of
  /// megabytes, and a second.
  ~EarlyJobs();
  void finish();

 private:
  void work();

  const std::vector<std::function<void()>> jobs_;
  std::atomic<size_t> next_{0};
  std::thread thread_;
};

}  // namespace oc::symbol
