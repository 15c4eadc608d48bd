#include "session/spool_memory.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "source/record.h"

namespace oc::session {

namespace {

constexpr size_t kSpareBlocks = 8;

/// The whole records from `from` on that have room in `room` bytes.
size_t whole_records(const uint8_t* from, const uint8_t* end, size_t room) {
  const auto left = static_cast<size_t>(end - from);
  if (left <= room) return left;
  size_t taken = 0;
  while (taken < left) {
    const size_t size = source::record_header(from + taken).size_bytes;
    if (taken + size > room) break;
    taken += size;
  }
  return taken;
}

}  // namespace

SpoolMemory::~SpoolMemory() = default;

void SpoolMemory::keep(std::span<const source::Span> spans, Round& round) {
  for (const source::Span& span : spans) copy(span, round);
}

void SpoolMemory::copy(const source::Span& span, Round& round) {
  const uint8_t* at = span.begin;
  while (at != span.end) {
    const size_t room = block_ == nullptr ? 0 : kBlockBytes - block_->used;
    const size_t size = whole_records(at, span.end, room);
    if (size == 0) {
      begin_block();
      continue;
    }
    uint8_t* const place = block_->bytes.get() + block_->used;
    std::memcpy(place, at, size);
    block_->used += size;
    if (round.blocks.empty() || round.blocks.back() != block_) {
      round.blocks.push_back(block_);
      const std::lock_guard lock(mutex_);
      ++block_->rounds;
    }
    const auto before = static_cast<uint64_t>(at - span.begin);
    round.spans.push_back({place, place + size, span.stream, span.position + before});
    round.bytes += size;
    at += size;
  }
}

void SpoolMemory::begin_block() {
  const std::lock_guard lock(mutex_);
  if (block_ != nullptr) leave(block_);
  std::unique_ptr<Block> block;
  if (free_.empty()) {
    block = std::make_unique<Block>();
    block->bytes.reset(new uint8_t[kBlockBytes]);  // not set to zeros
  } else {
    block = std::move(free_.back());
    free_.pop_back();
  }
  block->used = 0;
  block->rounds = 1;
  block_ = block.get();
  used_blocks_.push_back(std::move(block));
  used_ = used_blocks_.size() * kBlockBytes;
  most_used_ = std::max(most_used_.load(), used_.load());
}

/// Requires: the lock.
void SpoolMemory::leave(Block* block) {
  if (--block->rounds != 0) return;
  const auto found = std::find_if(used_blocks_.begin(), used_blocks_.end(),
                                  [block](const auto& other) { return other.get() == block; });
  if (free_.size() < kSpareBlocks) free_.push_back(std::move(*found));
  used_blocks_.erase(found);
  used_ = used_blocks_.size() * kBlockBytes;
}

void SpoolMemory::drop(const Round& round) {
  const std::lock_guard lock(mutex_);
  for (Block* block : round.blocks) leave(block);
}

}  // namespace oc::session
