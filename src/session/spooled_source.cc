#include "session/spooled_source.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/thread.h"

namespace oc::session {

namespace {

constexpr std::chrono::milliseconds kSpoolTurn{100};
constexpr uint64_t kBytesPerRound = 4u << 20;  // handed to the decoder at once

void signal_fd(int fd) {
  const uint64_t once = 1;
  while (write(fd, &once, sizeof once) < 0 && errno == EINTR) {
  }
}

void clear_fd(int fd) {
  uint64_t times = 0;
  while (read(fd, &times, sizeof times) < 0 && errno == EINTR) {
  }
}

uint64_t size_of(const source::Span& span) { return static_cast<uint64_t>(span.end - span.begin); }

}  // namespace

SpooledSource::SpooledSource() : ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = base::start_thread([this] { run(); });
}

base::Status SpooledSource::begin(source::Source& source, uint64_t limit_bytes,
                                  std::function<bool(uint32_t)> is_sideband) {
  if (!ready_) return base::make_error(base::Code::kSystem, "cannot make an eventfd for the spool");
  const std::lock_guard lock(mutex_);
  source_ = &source;
  limit_bytes_ = limit_bytes;
  is_sideband_ = std::move(is_sideband);
  has_source_ = true;
  changed_.notify_all();
  return {};
}

void SpooledSource::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    if (source_ != nullptr) source_->wake();
    changed_.notify_all();
  }
  thread_.join();
}

// The thread ---------------------------------------------------------------------------------------------------------

void SpooledSource::run() {
  // On a busy machine too its turn has to come before the rings are full. Not every user may.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -15);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return has_source_ || is_ending_; });
    if (!has_source_) return;
  }
  try {
    while (take_turn()) {
    }
  } catch (const std::exception& problem) {  // no memory for what is to be kept
    end(base::make_error(base::Code::kSystem,
                         std::string("the trace cannot be kept further: ") + problem.what()));
  }
}

/// False when there is none to follow.
bool SpooledSource::take_turn() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return visitors_ == 0 || is_ending_; });
    if (is_ending_) return false;
  }
  const std::lock_guard turn(source_mutex_);
  if (auto status = source_->next_round(kSpoolTurn, round_); !status) {
    end(std::move(status));
    return false;
  }
  keep(round_);
  return !round_.is_last;
}

void SpooledSource::keep(source::Round& round) {
  SpoolMemory::Round kept;
  read_until_ = std::max(read_until_, round.horizon);
  keep_sideband(round.spans, kept);
  held_.insert(held_.end(), round.spans.begin(), round.spans.end());
  for (const source::Span& span : round.spans) held_bytes_ += size_of(span);
  bool is_whole = keep_held(kept);
  while (!is_whole && round.is_last) {
    publish(std::move(kept), 0, false);
    kept = {};
    await_room();
    {
      const std::lock_guard lock(mutex_);
      if (is_ending_) return;
    }
    is_whole = keep_held(kept);
  }
  publish(std::move(kept), is_whole ? read_until_ : 0, round.is_last);
}

bool SpooledSource::has_room(uint64_t bytes, uint64_t limit) const {
  return memory_.used_bytes() + bytes + SpoolMemory::kBlockBytes <= limit;
}

/// Takes the spans of sideband out of `spans`, unless older ones of it are held.
void SpooledSource::keep_sideband(std::vector<source::Span>& spans, SpoolMemory::Round& kept) {
  for (const source::Span& span : held_) {
    if (is_sideband_(span.stream)) return;
  }
  size_t left = 0;
  for (const source::Span& span : spans) {
    const bool goes =
        is_sideband_(span.stream) && has_room(size_of(span), limit_bytes_ + limit_bytes_ / 4);
    if (goes) {
      memory_.keep({&span, 1}, kept);
      source_->release(span.stream, span.position + size_of(span));
    } else {
      spans[left++] = span;
    }
  }
  spans.resize(left);
}

/// All that is held in the rings, or nothing. True when nothing is held any more.
bool SpooledSource::keep_held(SpoolMemory::Round& kept) {
  if (held_.empty()) return true;
  // Before the look: a reader who frees memory after it sees the wish, and wakes.
  wants_room_ = true;
  if (!has_room(held_bytes_, limit_bytes_) && !is_starved_) {
    if (!is_full_) ++times_full_;
    is_full_ = true;
    return false;
  }
  wants_room_ = false;
  is_full_ = false;
  memory_.keep(held_, kept);
  for (const source::Span& span : held_)
    source_->release(span.stream, span.position + size_of(span));
  held_.clear();
  held_bytes_ = 0;
  return true;
}

/// The source's last round was read: nothing else is to be done meanwhile.
void SpooledSource::await_room() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kSpoolTurn, [&] {
    return is_ending_ || is_starved_ || has_room(held_bytes_, limit_bytes_);
  });
}

/// `horizon` 0: what is complete is as before.
void SpooledSource::publish(SpoolMemory::Round kept, base::Nanos horizon, bool is_last) {
  const std::lock_guard lock(mutex_);
  if (horizon != 0) horizon_ = horizon;
  kept.horizon = horizon_;
  is_last_ = is_last;
  if (!kept.spans.empty()) {
    rounds_.push_back(std::move(kept));
  } else if (!rounds_.empty()) {
    rounds_.back().horizon = horizon_;
  }
  if (!rounds_.empty() || is_last) signal_fd(ready_.number());
}

void SpooledSource::end(base::Status status) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(status.error());
  signal_fd(ready_.number());
}

// The reader ---------------------------------------------------------------------------------------------------------

SpooledSource::Visit::Visit(SpooledSource* spool) : spool_(spool) {
  if (spool_ == nullptr) return;
  ++spool_->visitors_;
  if (spool_->source_ != nullptr) spool_->source_->wake();
  turn_ = std::unique_lock(spool_->source_mutex_);
}

SpooledSource::Visit::~Visit() {
  if (spool_ == nullptr) return;
  turn_.unlock();
  const std::lock_guard lock(spool_->mutex_);
  --spool_->visitors_;
  spool_->changed_.notify_all();
}

SpoolCounts SpooledSource::counts() const {
  return {memory_.used_bytes(), memory_.most_used_bytes(), limit_bytes_, times_full_};
}

/// Sleeps until there is a round, a wake-up, or the time has passed.
void SpooledSource::await_rounds(std::chrono::milliseconds wait) {
  {
    const std::lock_guard lock(mutex_);
    if (!rounds_.empty() || is_last_ || failure_ || is_woken_) return;
  }
  is_starved_ = true;
  if (wants_room_) {
    source_->wake();
    changed_.notify_all();
  }
  pollfd ready{ready_.number(), POLLIN, 0};
  poll(&ready, 1,
       static_cast<int>(std::clamp(wait, std::chrono::milliseconds(0), kSpoolTurn).count()));
  is_starved_ = false;
}

base::Status SpooledSource::next_round(std::chrono::milliseconds wait, source::Round& round) {
  round.clear();
  await_rounds(wait);
  const std::lock_guard lock(mutex_);
  is_woken_ = false;
  clear_fd(ready_.number());
  uint64_t bytes = 0;
  while (!rounds_.empty() && bytes < kBytesPerRound) {
    SpoolMemory::Round& next = rounds_.front();
    round.spans.insert(round.spans.end(), next.spans.begin(), next.spans.end());
    round.horizon = next.horizon;
    bytes += next.bytes;
    lent_.push_back(std::move(next));
    rounds_.pop_front();
  }
  round.has_more = !rounds_.empty();
  if (round.has_more) {
    signal_fd(ready_.number());
    return {};
  }
  round.horizon = horizon_;
  round.is_last = is_last_;
  if (is_last_ || failure_) signal_fd(ready_.number());
  return failure_ && round.spans.empty() ? base::Status(*failure_) : base::Status();
}

void SpooledSource::release(uint32_t stream, uint64_t position) {
  if (stream >= released_.size()) released_.resize(stream + 1);
  released_[stream] = std::max(released_[stream], position);
  give_back();
}

/// Frees the rounds that were released as a whole.
void SpooledSource::give_back() {
  const auto is_released = [this](const source::Span& span) {
    return span.stream < released_.size() &&
           released_[span.stream] >= span.position + size_of(span);
  };
  bool has_freed = false;
  while (!lent_.empty()) {
    const auto& spans = lent_.front().spans;
    if (!std::all_of(spans.rbegin(), spans.rend(), is_released)) break;
    memory_.drop(lent_.front());
    lent_.pop_front();
    has_freed = true;
  }
  if (!has_freed || !wants_room_) return;
  source_->wake();
  changed_.notify_all();
}

void SpooledSource::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  signal_fd(ready_.number());
}

}  // namespace oc::session
