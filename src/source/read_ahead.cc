#include "source/read_ahead.h"

#include <algorithm>

#include "base/thread.h"

namespace oc::source {

namespace {
constexpr uint64_t kBlockBytes = 4 << 20;
constexpr uint32_t kAhead = 6;        // blocks populated ahead of the reader
constexpr uint32_t kBehind = 24;      // blocks kept behind it: what batches may still point into
constexpr uint32_t kMostBehind = 32;  // then dropping comes first: a fast reader must not outrun it
constexpr uint32_t kEnd = UINT32_MAX;  // as a block: the reader is gone
constexpr uint64_t kWorthAThread = 4 * kBlockBytes;
}  // namespace

ReadAhead::ReadAhead(const base::Mapping& mapping) : mapping_(mapping) {
  if (mapping.bytes().size() < kWorthAThread) {
    next_block_at_ = UINT64_MAX;
    return;
  }
  thread_ = base::start_thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  if (!thread_.joinable()) return;
  block_.store(kEnd, std::memory_order_release);
  block_.notify_all();
  thread_.join();
}

void ReadAhead::cross(uint64_t offset) {
  const auto block = static_cast<uint32_t>(offset / kBlockBytes);
  next_block_at_ = (uint64_t{block} + 1) * kBlockBytes;
  block_.store(block, std::memory_order_release);
  block_.notify_one();
}

void ReadAhead::run() {
  const auto blocks = static_cast<uint32_t>(mapping_.bytes().size() / kBlockBytes + 1);
  uint32_t populated = 0;
  uint32_t dropped = 0;
  for (;;) {
    const uint32_t reader = block_.load(std::memory_order_acquire);
    if (reader == kEnd) return;  // in the value that is waited for: an end cannot be missed
    populated = std::max(populated, reader);
    if (populated < std::min(blocks, reader + kAhead) && reader <= dropped + kMostBehind) {
      mapping_.will_need(populated * kBlockBytes, kBlockBytes);
      ++populated;
    } else if (reader > dropped + kBehind) {
      mapping_.drop(dropped * kBlockBytes, kBlockBytes);
      ++dropped;
    } else {
      block_.wait(reader, std::memory_order_acquire);
    }
  }
}

}  // namespace oc::source
