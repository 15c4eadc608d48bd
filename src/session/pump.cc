#include "session/pump.h"

namespace oc::session {

namespace {

/// Events per batch: large enough that handing over costs nothing per event, small enough for the cache.
constexpr size_t kBatchEvents = 8192;
constexpr int kSpins = 400;  // a few microseconds, less than a sleep and a wake-up

uint32_t await_change(const std::atomic<uint32_t>& value, uint32_t seen) {
  for (int i = 0; i < kSpins; ++i) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != seen) return now;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  value.wait(seen, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

Pump::Pump(Decoder& decoder) : decoder_(decoder) {
  for (Batch& batch : batches_) batch.events.resize(kBatchEvents);
}

Pump::~Pump() {
  if (!thread_.joinable()) return;
  stop();
  freed_.fetch_add(kBatches, std::memory_order_release);  // lets a waiting decoder go on and see it
  freed_.notify_all();
  thread_.join();
}

void Pump::start_ahead() {
  thread_ = std::thread([this] { run_ahead(); });
}

void Pump::run_ahead() {
  uint32_t filled = 0;
  for (;;) {
    uint32_t freed = freed_.load(std::memory_order_acquire);
    while (filled - freed >= kBatches) freed = await_change(freed_, freed);
    Batch& batch = batches_[filled % kBatches];
    if (stop_.load(std::memory_order_relaxed)) {
      batch.count = 0;
      batch.is_last = true;
    } else if (auto status = decoder_.fill(std::chrono::milliseconds(0), batch); !status) {
      failure_ = std::move(status.error());
      batch.is_last = true;
    }
    const bool is_last = batch.is_last;
    filled_.store(++filled, std::memory_order_release);
    filled_.notify_one();
    if (is_last) return;
  }
}

base::Result<const Batch*> Pump::next(std::chrono::milliseconds wait) {
  if (ended_) {
    if (failure_) return *failure_;
    return static_cast<const Batch*>(nullptr);
  }
  if (!thread_.joinable()) {
    Batch& batch = batches_[0];
    if (auto status = decoder_.fill(wait, batch); !status) {
      failure_ = std::move(status.error());
      batch.is_last = true;
    }
    ended_ = batch.is_last;
    return static_cast<const Batch*>(&batch);
  }
  uint32_t freed = freed_.load(std::memory_order_relaxed);
  if (has_lent_) {
    freed_.store(++freed, std::memory_order_release);
    freed_.notify_one();
  }
  uint32_t filled = filled_.load(std::memory_order_acquire);
  while (filled == freed) filled = await_change(filled_, filled);
  has_lent_ = true;
  const Batch* batch = &batches_[freed % kBatches];
  ended_ = batch->is_last;
  return batch;
}

}  // namespace oc::session
