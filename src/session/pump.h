#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/result.h"
#include "session/batch.h"

namespace oc::session {

/// Keeps the filling of batches running ahead of the script on another thread, a few batches at most.
///
///     decoder thread:  fill 0 | fill 1 | fill 2 | wait ...
///     script thread:            use 0  | use 1  | use 2 ...      filled_ - freed_ <= kBatches
///
/// For recorded traces: their bytes are lent until the end, so decoding may run ahead. A live source is
/// filled by the script's own thread instead (`next` without `start_ahead`), since ring space must wait
/// for the script.
class Pump {
 public:
  static constexpr uint32_t kBatches = 4;

  /// Fills a batch with what comes within `wait`. An error ends the run.
  using Fill = std::function<base::Status(std::chrono::milliseconds wait, Batch& batch)>;

  explicit Pump(Fill fill);
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  /// Starts the decoder's thread.
  void start_ahead();
  /// The next batch; null after the last one. Lent: until the next call. A failure of the source ends
  /// the run: what came before it was delivered.
  base::Result<const Batch*> next(std::chrono::milliseconds wait);
  /// Ends the decoder's thread; nothing follows, and the last batch is no longer lent.
  void finish();
  /// Any thread: no batch follows those that are filled.
  void stop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  void run_ahead();
  void fill_or_end(std::chrono::milliseconds wait, Batch& batch);

  Fill fill_;
  std::array<Batch, kBatches> batches_;
  std::atomic<uint32_t> filled_{0};
  std::atomic<uint32_t> freed_{0};
  std::atomic<bool> stop_{false};
  std::optional<base::Error> failure_;  ///< written before the last batch is published
  bool has_lent_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace oc::session
