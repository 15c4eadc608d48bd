#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/mapping.h"
#include "base/result.h"
#include "source/read_ahead.h"

namespace oc::source {

/// Bytes that come one after another: from a mapped file, or from a pipe as they are written.
class ByteInput {
 public:
  enum class State {
    kReady,    ///< so many bytes lie at `bytes()`
    kWaiting,  ///< they did not come in time
    kEnd,      ///< no more will come
  };
  virtual ~ByteInput() = default;

  /// Makes `size_bytes` bytes lie together at `bytes()`, waiting at most `wait` for each that is missing.
  /// Errors: the system cannot read.
  virtual base::Result<State> need(uint64_t size_bytes, std::chrono::milliseconds wait) = 0;
  /// What is there. Lent: until the next `need` or `pass`.
  virtual std::span<const uint8_t> bytes() const = 0;
  /// Steps over bytes. Requires: `bytes()` has them.
  virtual void pass(uint64_t size_bytes) = 0;
  /// Of `bytes()` in the file or stream.
  virtual uint64_t offset() const = 0;
  /// Bytes in all; 0 where nobody knows.
  virtual uint64_t size_bytes() const { return 0; }
  /// True when bytes may still be on their way, so that waiting makes sense.
  virtual bool is_live() const { return false; }
  /// Any thread: a writer gets a moment to come to its end; then the input has ended.
  virtual void wake() {}
};

/// A piece of a mapped file.
class MappedInput final : public ByteInput {
 public:
  /// `mapping` outlives this; `piece` is of it.
  MappedInput(const base::Mapping& mapping, std::span<const uint8_t> piece);

  base::Result<State> need(uint64_t size_bytes, std::chrono::milliseconds wait) override;
  std::span<const uint8_t> bytes() const override { return left_; }
  void pass(uint64_t size_bytes) override;
  uint64_t offset() const override { return offset_; }
  uint64_t size_bytes() const override { return end_; }

 private:
  std::span<const uint8_t> left_;
  uint64_t offset_;
  uint64_t end_;
  ReadAhead read_ahead_;
};

/// A pipe, a FIFO or a socket. Memory: what `need` asks for, at least 256 KiB.
class PipeInput final : public ByteInput {
 public:
  static base::Result<std::unique_ptr<PipeInput>> make(base::Fd fd);

  base::Result<State> need(uint64_t size_bytes, std::chrono::milliseconds wait) override;
  std::span<const uint8_t> bytes() const override {
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void pass(uint64_t size_bytes) override;
  uint64_t offset() const override { return offset_; }
  bool is_live() const override { return true; }
  void wake() override;

 private:
  PipeInput(base::Fd fd, base::Fd wake_up);
  /// Waits until there is something to read; false when there was nothing in time.
  base::Result<bool> await(std::chrono::milliseconds wait);

  base::Fd fd_;
  base::Fd wake_up_;
  std::atomic<bool> is_woken_{false};
  std::chrono::steady_clock::time_point grace_end_{};
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;
  bool is_at_end_ = false;
};

}  // namespace oc::source
