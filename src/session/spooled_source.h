#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "session/spool_memory.h"
#include "source/source.h"

namespace oc::session {

/// What a spool holds.
struct SpoolCounts {
  uint64_t used_bytes = 0;
  uint64_t most_used_bytes = 0;
  uint64_t limit_bytes = 0;
  uint64_t times_full = 0;  ///< that the rings had to wait
};

/// A live source that a thread empties into memory while whoever wants the records does something else.
///
///     rings ── thread: next_round, copy, release ──> rounds ── next_round ──> decoder
///                          │ full                                (the script's thread)
///                          └─ stays in the rings: what follows is lost there, and counted there
///
/// A round goes over as a whole or not at all, so its horizon holds; only what `is_sideband` is true of (names must not
/// be lost) goes ahead of it, into a quarter more than the limit. A reader who waits and has nothing left gets the round
/// whatever its size: rings are never stuck. So memory is bounded by five quarters of the limit and the rings' size.
///
/// The thread is there, and can be told from those that are traced, before there is a source. All but `wake` and
/// `ready_fd` are called by one thread, the reader's.
class SpooledSource final : public source::Source {
 public:
  SpooledSource();
  ~SpooledSource() override { finish(); }
  SpooledSource(const SpooledSource&) = delete;

  /// The source outlives the object, and is the thread's from now on.
  base::Status begin(source::Source& source, uint64_t limit_bytes,
                     std::function<bool(uint32_t stream)> is_sideband);

  /// As long as one lives, the thread leaves the source alone. Of no spool it is nothing.
  class Visit {
   public:
    explicit Visit(SpooledSource* spool);
    ~Visit();
    Visit(const Visit&) = delete;

   private:
    SpooledSource* spool_;
    std::unique_lock<std::mutex> turn_;
  };

  /// Ends the thread; what it kept and nobody took is gone.
  void finish();

  SpoolCounts counts() const;
  /// Readable while there is something to take.
  int ready_fd() const { return ready_.number(); }

  const event::EventTable& events() const override { return source_->events(); }
  base::Status next_round(std::chrono::milliseconds wait, source::Round& round) override;
  void release(uint32_t stream, uint64_t position) override;
  void wake() override;

 private:
  void run();
  bool take_turn();
  void keep(source::Round& round);
  bool has_room(uint64_t bytes, uint64_t limit) const;
  void keep_sideband(std::vector<source::Span>& spans, SpoolMemory::Round& kept);
  bool keep_held(SpoolMemory::Round& kept);
  void await_room();
  void publish(SpoolMemory::Round kept, base::Nanos horizon, bool is_last);
  void end(base::Status status);
  void give_back();
  void await_rounds(std::chrono::milliseconds wait);

  base::Fd ready_;
  SpoolMemory memory_;
  source::Source* source_ = nullptr;
  uint64_t limit_bytes_ = 0;
  std::function<bool(uint32_t)> is_sideband_;

  // Of the thread.
  source::Round round_;
  std::vector<source::Span> held_;  ///< in the rings, waiting for room
  uint64_t held_bytes_ = 0;
  base::Nanos read_until_ = 0;  ///< the newest horizon, held or not
  bool is_full_ = false;
  std::atomic<uint64_t> times_full_{0};

  // Of the reader.
  std::deque<SpoolMemory::Round> lent_;  ///< in the order of their rounds
  std::vector<uint64_t> released_;       ///< by stream

  std::mutex source_mutex_;  ///< whose turn it is with the source
  std::atomic<int> visitors_{0};
  std::atomic<bool> is_starved_{false};  ///< the reader waits, and there is nothing
  std::atomic<bool> wants_room_{false};  ///< the thread holds something back

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  std::deque<SpoolMemory::Round> rounds_;
  base::Nanos horizon_ = 0;  ///< once all rounds are taken
  bool is_last_ = false;
  bool is_woken_ = false;
  bool has_source_ = false;
  bool is_ending_ = false;
  std::optional<base::Error> failure_;  ///< once all rounds are taken

  std::thread thread_;
};

}  // namespace oc::session
