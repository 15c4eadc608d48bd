#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>

namespace oc::source {

/// Owns copies of records, in blocks, from the first that is still needed to the newest.
///
///     positions:  ...freed | block: r r r r r r | block: r r r . . |
///                          ^ released up to somewhere in here      ^ next
///
/// A record keeps its address until everything up to it was released. Records that follow each other in a
/// block touch, so that they can be runs.
class RecordStore {
 public:
  /// Room for `size_bytes` bytes behind the newest. Requires: at most 64 KiB.
  std::span<uint8_t> add(size_t size_bytes) {
    if (blocks_.empty() || kBlockBytes - blocks_.back().used < size_bytes) grow();
    Block& block = blocks_.back();
    uint8_t* const at = block.bytes.get() + block.used;
    block.used += size_bytes;
    next_ += size_bytes;
    return {at, size_bytes};
  }

  /// Frees the blocks that end at or before `position`.
  void release(uint64_t position) {
    while (blocks_.size() > 1 && blocks_.front().begin + blocks_.front().used <= position) {
      spare_ = std::move(blocks_.front().bytes);
      blocks_.pop_front();
    }
  }

  /// Where the next record will be, counted in bytes since the first.
  uint64_t next() const { return next_; }
  /// Of all blocks.
  uint64_t size_bytes() const { return blocks_.size() * kBlockBytes; }

 private:
  static constexpr size_t kBlockBytes = 1 << 20;
  struct Block {
    std::unique_ptr<uint8_t[]> bytes;
    uint64_t begin = 0;  ///< position of its first byte
    size_t used = 0;
  };

  void grow() {
    auto bytes = spare_ ? std::move(spare_) : std::unique_ptr<uint8_t[]>(new uint8_t[kBlockBytes]);
    blocks_.push_back({std::move(bytes), next_, 0});
  }

  std::deque<Block> blocks_;
  std::unique_ptr<uint8_t[]> spare_;
  uint64_t next_ = 0;
};

}  // namespace oc::source
