#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace oc::base {

/// An append-only list whose entries never move: one thread appends, any thread may read entries that it learnt of
/// through a synchronised hand-over (a batch), or that lie below a size that it saw.
///
///     blocks_: [0] -> 2^n entries   [1] -> 2^(n+1)   [2] -> 2^(n+2) …   each as large as all before it, and n
///
/// Memory: at most twice what is used. Up to 2^32 - 1 entries.
template <typename T, uint32_t kFirstBits = 8>
class BlockList {
 public:
  BlockList() = default;
  BlockList(const BlockList&) = delete;
  BlockList& operator=(const BlockList&) = delete;
  ~BlockList() {
    for (auto& block : blocks_) delete[] block.load(std::memory_order_relaxed);
  }

  /// Any thread: entries below it may be read.
  uint32_t size() const { return size_.load(std::memory_order_acquire); }
  /// Of the blocks, in bytes.
  uint64_t size_bytes() const { return capacity_ * sizeof(T); }

  /// Owned by the list.
  T& append(T value) {
    const uint32_t size = size_.load(std::memory_order_relaxed);
    const Place place(size);
    auto& block = blocks_[place.block];
    if (block.load(std::memory_order_relaxed) == nullptr) {
      block.store(new T[place.block_size()](), std::memory_order_release);
      capacity_ += place.block_size();
    }
    T& slot = block.load(std::memory_order_relaxed)[place.at];
    slot = std::move(value);
    size_.store(size + 1, std::memory_order_release);
    return slot;
  }

  /// Requires: an index below the size, as the reader was told.
  const T& operator[](uint32_t index) const {
    const Place place(index);
    return blocks_[place.block].load(std::memory_order_acquire)[place.at];
  }

 private:
  static constexpr uint32_t kBlocks = 32 - kFirstBits + 1;

  struct Place {
    explicit Place(uint32_t index) {
      const uint64_t shifted = uint64_t{index} + (uint64_t{1} << kFirstBits);
      const auto top = static_cast<uint32_t>(63 - __builtin_clzll(shifted));
      block = top - kFirstBits;
      at = static_cast<size_t>(shifted - (uint64_t{1} << top));
    }
    size_t block_size() const { return size_t{1} << (block + kFirstBits); }
    uint32_t block;
    size_t at;
  };

  std::array<std::atomic<T*>, kBlocks> blocks_{};
  uint64_t capacity_ = 0;
  std::atomic<uint32_t> size_{0};
};

}  // namespace oc::base
