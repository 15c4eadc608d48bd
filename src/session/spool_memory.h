#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/id.h"
#include "source/source.h"

namespace oc::session {

/// Copies of rounds, in blocks that are given back when nobody needs their rounds any more.
///
///     blocks   | r1 r1 r1 r2 | r2 r2 r2 | r2 r3 ...  |      r1 was dropped: the first block waits for r2
///
/// A round lies in one block or more, a block has parts of one round or more. What is free goes back to the system, but
/// for a few blocks. `keep` on one thread, `drop` on another.
class SpoolMemory {
 public:
  static constexpr size_t kBlockBytes = 1u << 20;

  struct Block {
    std::unique_ptr<uint8_t[]> bytes;
    size_t used = 0;
    uint32_t rounds = 0;  ///< that lie in it; and 1 while it is written
  };
  struct Round {
    std::vector<source::Span> spans;  ///< in the blocks
    base::Nanos horizon = 0;
    uint64_t bytes = 0;
    std::vector<Block*> blocks;
  };

  ~SpoolMemory();

  /// Adds copies of `spans` to `round`. Their records are whole (source::Span) and at most 64 KiB each.
  void keep(std::span<const source::Span> spans, Round& round);
  /// Frees what only this round lies in.
  void drop(const Round& round);

  uint64_t used_bytes() const { return used_.load(); }
  uint64_t most_used_bytes() const { return most_used_.load(); }

 private:
  void copy(const source::Span& span, Round& round);
  void begin_block();
  void leave(Block* block);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> free_;
  std::vector<std::unique_ptr<Block>> used_blocks_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> most_used_{0};
  Block* block_ = nullptr;  ///< being written; only of the thread that keeps
};

}  // namespace oc::session
