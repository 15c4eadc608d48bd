#include "session/pump.h"

#include <exception>
#include <utility>

#include "base/thread.h"

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

Pump::Pump(Fill fill) : fill_(std::move(fill)) {
  for (Batch& batch : batches_) batch.events.resize(kBatchEvents);
}

Pump::~Pump() { finish(); }

void Pump::finish() {
  ended_ = true;
  if (!thread_.joinable()) return;
  stop();
  freed_.fetch_add(kBatches, std::memory_order_release);  // lets a waiting decoder go on and see it
  freed_.notify_all();
  thread_.join();
}

void Pump::start_ahead() {
  thread_ = base::start_thread([this] { run_ahead(); });
}

/// Fills `batch`; a failure, a library's exception too, is kept and makes it the last one.
void Pump::fill_or_end(std::chrono::milliseconds wait, Batch& batch) {
  const auto fail = [&](base::Error error) {
    failure_ = std::move(error);
    batch.is_last = true;
  };
  try {
    if (auto status = fill_(wait, batch); !status) fail(std::move(status.error()));
  } catch (const std::exception& problem) {
    fail(base::make_error(base::Code::kSystem,
                          std::string("the trace cannot be read further: ") + problem.what()));
  }
}

void Pump::run_ahead() {
  uint32_t filled = 0;
  for (;;) {
    uint32_t freed = freed_.load(std::memory_order_acquire);
    // Signed: `finish` frees batches that were never filled.
    while (static_cast<int32_t>(filled - freed) >= static_cast<int32_t>(kBatches))
      freed = await_change(freed_, freed);
    Batch& batch = batches_[filled % kBatches];
    if (stop_.load(std::memory_order_relaxed)) {
      const Batch& before = batches_[(filled + kBatches - 1) % kBatches];
      batch.count = 0;
      batch.is_last = true;
      batch.counts = before.counts;
      batch.until = before.until;
    } else {
      fill_or_end(std::chrono::milliseconds(0), batch);
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
    fill_or_end(wait, batch);
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
