#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/id.h"
#include "process/module_table.h"

namespace oc::process {

/// What happened to threads and memory, in the order of the trace: for who wants to know it afterwards (the machine), where
/// ProcessModel and AddressSpaces know the present.
///
/// A queue: the decoder's thread adds, the script's thread takes. Memory: 80 bytes for each entry that was not taken, in
/// blocks of 256. Made only when somebody asks for it.
///
///     head_ -> [ taken … | … ] -> [ … ] -> [ … | free ] <- tail_       a block is freed when its last entry is taken
///
/// Whoever is at the end of a block's entries waits for its `next`: after that was set, only the reader touches it.
class TaskLog {
 public:
  enum class What : uint8_t {
    kFound,  ///< `thread` ran when the trace began, or was listed then
    kFork,   ///< `thread` is new; when pid differs from parent_pid, so is its process
    kComm,   ///< `thread` has the name `name` from now on
    kExec,   ///< the same; its process runs another program
    kExit,   ///< `thread` ended
    kMap,  ///< code: `module`, `start`, `size_bytes`, `offset`, in process `pid`; -1: the kernel's
  };
  struct Entry {
    What what = What::kFound;
    bool begins_empty = false;  ///< of kFork: what is mapped is told, not inherited
    uint64_t time = 0;          ///< of the trace's clock; 0: before the trace
    int32_t pid = 0, tid = 0;
    int32_t parent_pid = -1;  ///< -1: not known
    uint32_t thread = 0;      ///< Thread::id
    base::StringId name;      ///< 0: not known
    // Of a mapping:
    ModuleId module;
    uint64_t start = 0, size_bytes = 0;
    uint64_t offset = 0;  ///< in the module
  };

  TaskLog() : head_(new Block), tail_(head_) {}
  TaskLog(const TaskLog&) = delete;
  TaskLog& operator=(const TaskLog&) = delete;
  ~TaskLog() {
    while (Block* const block = head_) {
      head_ = block->next.load(std::memory_order_relaxed);
      delete block;
    }
  }

  /// What is added from now on happened at that time.
  void set_time(uint64_t time) { time_ = time; }
  void add(Entry entry) {
    entry.time = time_;
    uint32_t at = tail_->count.load(std::memory_order_relaxed);
    if (at == kBlock) {
      auto* const block = new Block;
      blocks_.fetch_add(1, std::memory_order_relaxed);
      tail_->next.store(block, std::memory_order_release);
      tail_ = block;
      at = 0;
    }
    tail_->entries[at] = entry;
    tail_->count.store(at + 1, std::memory_order_release);
  }
  /// The reader's thread: calls `body(entry)` for each that is there, in order. Lent: for the call.
  template <typename Body>
  void take(Body&& body) {
    for (;;) {
      const uint32_t end = head_->count.load(std::memory_order_acquire);
      while (taken_ < end) body(static_cast<const Entry&>(head_->entries[taken_++]));
      Block* const next = taken_ == kBlock ? head_->next.load(std::memory_order_acquire) : nullptr;
      if (next == nullptr) return;
      delete head_;
      blocks_.fetch_sub(1, std::memory_order_relaxed);
      head_ = next;
      taken_ = 0;
    }
  }
  /// Any thread: of what was not taken.
  uint64_t size_bytes() const { return blocks_.load(std::memory_order_relaxed) * sizeof(Block); }

 private:
  static constexpr uint32_t kBlock = 256;
  struct Block {
    std::array<Entry, kBlock> entries;
    std::atomic<uint32_t> count{0};
    std::atomic<Block*> next{nullptr};
  };

  uint64_t time_ = 0;
  std::atomic<uint64_t> blocks_{1};
  Block* head_;         ///< the reader's
  uint32_t taken_ = 0;  ///< of head_
  Block* tail_;         ///< the writer's
};

}  // namespace oc::process
