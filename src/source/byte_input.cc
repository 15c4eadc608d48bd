#include "source/byte_input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace oc::source {

using base::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {
constexpr size_t kReadBytes = 256 << 10;
/// Ctrl-C reaches the writer of a pipe too: so long it may take to write what it still holds.
constexpr milliseconds kGrace{300};
}  // namespace

MappedInput::MappedInput(const base::Mapping& mapping, std::span<const uint8_t> piece)
    : left_(piece),
      offset_(static_cast<uint64_t>(piece.data() - mapping.bytes().data())),
      end_(offset_ + piece.size()),
      read_ahead_(mapping) {}

Result<ByteInput::State> MappedInput::need(uint64_t size_bytes, milliseconds) {
  return left_.size() < size_bytes ? State::kEnd : State::kReady;
}

void MappedInput::pass(uint64_t size_bytes) {
  left_ = left_.subspan(size_bytes);
  offset_ += size_bytes;
  read_ahead_.reached(offset_);
}

PipeInput::PipeInput(base::Fd fd, base::Fd wake_up)
    : fd_(std::move(fd)), wake_up_(std::move(wake_up)), buffer_(kReadBytes) {}

Result<std::unique_ptr<PipeInput>> PipeInput::make(base::Fd fd) {
  base::Fd wake_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up) return base::system_error(errno, "cannot make an eventfd");
  return std::unique_ptr<PipeInput>(new PipeInput(std::move(fd), std::move(wake_up)));
}

void PipeInput::wake() {
  is_woken_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_up_.number(), &one, sizeof one);
}

Result<bool> PipeInput::await(milliseconds wait) {
  const bool is_woken = is_woken_.load(std::memory_order_relaxed);
  if (is_woken) {
    const auto now = steady_clock::now();
    if (grace_end_ == steady_clock::time_point{}) grace_end_ = now + kGrace;
    if (now >= grace_end_) {
      is_at_end_ = true;
      return false;
    }
    wait = std::min(wait, std::chrono::ceil<milliseconds>(grace_end_ - now));
  }
  pollfd fds[2] = {{fd_.number(), POLLIN, 0}, {wake_up_.number(), POLLIN, 0}};
  const int ready = poll(fds, is_woken ? 1 : 2, static_cast<int>(wait.count()));
  if (ready < 0 && errno != EINTR) return base::system_error(errno, "cannot wait for the input");
  return ready > 0 && fds[0].revents != 0;
}

Result<ByteInput::State> PipeInput::need(uint64_t size_bytes, milliseconds wait) {
  const auto until = steady_clock::now() + wait;
  while (end_ - begin_ < size_bytes) {
    if (is_at_end_) return State::kEnd;
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    const auto ready = await(std::max(left, milliseconds(0)));
    if (!ready) return ready.error();
    if (!*ready) {
      if (is_at_end_) return State::kEnd;
      if (steady_clock::now() >= until) return State::kWaiting;
      continue;
    }
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    // Grows with what really came: a size in a damaged header is only a claim.
    if (buffer_.size() - end_ < kReadBytes / 2) buffer_.resize(buffer_.size() * 2);
    const ssize_t got = read(fd_.number(), buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return base::system_error(errno, "cannot read the input");
    if (got == 0) is_at_end_ = true;
    end_ += static_cast<size_t>(got);
  }
  return State::kReady;
}

void PipeInput::pass(uint64_t size_bytes) {
  begin_ += size_bytes;
  offset_ += size_bytes;
}

}  // namespace oc::source
