#include "symbol/jobs.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "base/thread.h"

namespace oc::symbol {

void run_jobs(size_t count, uint32_t threads, const std::function<void(size_t)>& job) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      try {
        job(i);
      } catch (const std::exception&) {  // memory ended: this one's frames stay without names
      }
    }
  };
  std::vector<std::thread> others;
  const size_t wanted = std::min<size_t>(count, std::max(threads, 1u));
  try {
    while (others.size() + 1 < wanted) others.push_back(base::start_thread(work));
  } catch (const std::exception&) {  // no more threads here: those that run do it
  }
  work();
  for (std::thread& other : others) other.join();
}

EarlyJobs::EarlyJobs(std::vector<std::function<void()>> jobs) : jobs_(std::move(jobs)) {
  try {
    thread_ = base::start_thread([this] { work(); });
  } catch (const std::exception&) {  // no more threads here: `finish` does them
  }
}

EarlyJobs::~EarlyJobs() {
  next_ = jobs_.size();
  if (thread_.joinable()) thread_.join();
}

void EarlyJobs::work() {
  for (size_t i = next_++; i < jobs_.size(); i = next_++) {
    try {
      jobs_[i]();
    } catch (const std::exception&) {
    }
  }
}

void EarlyJobs::finish() {
  work();
  if (thread_.joinable()) thread_.join();
}

}  // namespace oc::symbol
