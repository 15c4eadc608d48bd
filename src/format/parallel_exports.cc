#include "format/parallel_exports.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/thread.h"

namespace oc::format {

ParallelExports::ParallelExports(Export what) : what_(std::move(what)) {
  what_.progress = [this, outer = std::move(what_.progress)](double done) {
    return !is_given_up_.load(std::memory_order_relaxed) && (!outer || outer(done));
  };
}

ParallelExports::~ParallelExports() {
  is_given_up_ = true;
  for (std::thread& thread : threads_) thread.join();
  if (what_.is_named) what_.machine.places.end_sharing();
}

void ParallelExports::add(const Exporter& exporter, std::unique_ptr<Output> output) {
  jobs_.push_back(std::make_unique<Job>());
  jobs_.back()->exporter = &exporter;
  jobs_.back()->output = std::move(output);
}

void ParallelExports::add(base::Error failure) {
  jobs_.push_back(std::make_unique<Job>());
  jobs_.back()->status = std::move(failure);
  jobs_.back()->state = kDone;
}

void ParallelExports::start(uint32_t threads) {
  const uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());
  if (threads == 0) threads = cpus == 1 ? 1 : cpus + 1;  // they also wait for the disk
  // The caller gives up with the first: names, which cost the most, would be for nothing.
  if (jobs_.empty() || (jobs_[0]->state == kDone && !jobs_[0]->status)) return;
  name_frames(what_);
  what_.is_named = true;
  what_.machine.places.begin_sharing();
  const size_t wanted = std::min<size_t>(threads, jobs_.size());
  try {
    while (threads_.size() + 1 < wanted)
      threads_.push_back(base::start_thread([this] { run_all(); }));
  } catch (const std::exception&) {  // no more threads here: `finish` does it
  }
}

/// Whether it is the caller's to do.
bool ParallelExports::begin(Job& job) {
  uint32_t expected = kFree;
  return job.state.compare_exchange_strong(expected, kBegun);
}

void ParallelExports::run(Job& job) {
  try {
    job.status = job.exporter->write(what_, *job.output);
    if (job.status) job.status = job.output->seal();
  } catch (const std::exception& problem) {
    job.status = base::make_error(base::Code::kSystem, problem.what());
  }
  job.state.store(kDone, std::memory_order_release);
  job.state.notify_all();
}

/// The first one is left to `finish`, which begins with it.
void ParallelExports::run_all() {
  for (size_t i = 1; i < jobs_.size(); ++i) {
    if (is_given_up_) return;
    if (begin(*jobs_[i])) run(*jobs_[i]);
  }
}

base::Result<uint64_t> ParallelExports::finish(size_t index) {
  Job& job = *jobs_[index];
  if (begin(job)) run(job);
  job.state.wait(kBegun, std::memory_order_acquire);
  if (!job.status) return std::move(job.status.error());
  if (auto finished = job.output->finish(); !finished) return std::move(finished.error());
  const uint64_t bytes = job.output->size_bytes();
  job.output.reset();
  return bytes;
}

}  // namespace oc::format
