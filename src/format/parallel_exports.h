#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "format/exporter.h"

namespace oc::format {

/// Several files of one selection, written at the same time.
///
///     add, add, add ── start: frames are named ─┬─ thread: the next that nobody has begun …
///                                               └─ finish(0): writes it, if nobody has begun it; waits; it has its name
///
/// Only of formats that read the machine and no more (Exporter::only_reads). Each file's bytes are those of its exporter alone;
/// what failed is told by `finish`, and a file appears by it: so files and errors come in the order in which the caller asks.
/// On one CPU there are no threads. What is not finished when this ends is given up, and leaves nothing behind. One thread
/// calls it, and neither changes the machine meanwhile nor looks at frames that this selection does not have.
class ParallelExports {
 public:
  /// `what.progress` is called on several threads.
  explicit ParallelExports(Export what);
  ParallelExports(const ParallelExports&) = delete;
  ParallelExports& operator=(const ParallelExports&) = delete;
  ~ParallelExports();

  void add(const Exporter& exporter, std::unique_ptr<Output> output);
  /// One that could not be begun: `finish` tells it.
  void add(base::Error failure);
  size_t size() const { return jobs_.size(); }

  /// After all were added, with the main thread that many threads. 0: one for each CPU, and one more. Where the first could not be
  /// begun nothing is, neither names nor threads: the others are left to `finish`.
  void start(uint32_t threads = 0);
  /// Waits for that one; the bytes that were written before compression. Each once, after the start.
  base::Result<uint64_t> finish(size_t index);

 private:
  enum State : uint32_t { kFree, kBegun, kDone };
  struct Job {
    const Exporter* exporter = nullptr;
    std::unique_ptr<Output> output;
    base::Status status;
    std::atomic<uint32_t> state{kFree};
  };

  bool begin(Job& job);
  void run(Job& job);
  void run_all();

  Export what_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<std::thread> threads_;
  std::atomic<bool> is_given_up_{false};
};

}  // namespace oc::format
