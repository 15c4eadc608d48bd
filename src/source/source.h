#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "event/event_table.h"
#include "source/window.h"

namespace oc::source {

/// Contiguous whole records of one stream (a ring, or the file) in the order they were written.
///
/// Lent: valid until the source is told by `release` that the stream was consumed past it.
struct Span {
  const uint8_t* begin = nullptr;
  const uint8_t* end = nullptr;
  uint32_t stream = 0;
  uint64_t position =
      0;  ///< of `begin` in its stream: bytes since the ring was made, or file offset
};

/// A span whose records' times never fall: what the merge works on.
struct Run {
  const uint8_t* at = nullptr;  ///< the next record
  const uint8_t* end = nullptr;
  base::Nanos time = 0;   ///< of the record at `at`; 0: untimed, goes first
  uint64_t position = 0;  ///< of `at` in its stream
  uint64_t order = 0;     ///< breaks ties: runs found earlier go first
  uint32_t stream = 0;
};

/// One turn of a source: what has arrived, and up to when it is complete.
///
///     file:  runs = the records up to a FINISHED_ROUND, which the source had to walk anyway; the
///            horizon is the newest record of the round before (perf's rule)
///     live:  spans = what the rings hold; the clock was read before the heads, so everything up to
///            the horizon is here, whether or not a CPU was idle
struct Round {
  std::vector<Span> spans;  ///< not yet cut into runs
  std::vector<Run> runs;
  base::Nanos horizon = 0;  ///< records up to here (inclusive) may be delivered
  bool is_last = false;     ///< nothing follows: deliver all that is left; the horizon is the end
  bool has_more = false;  ///< the next round is there already: no need to hand this one over alone
  uint64_t records = 0;   ///< in `runs`
  uint64_t bytes = 0;     ///< of these
  uint64_t handed = 0;    ///< of stream 0: the position that `runs` reach; 0: nothing to give back

  void clear() {
    spans.clear();
    runs.clear();
    horizon = records = bytes = handed = 0;
    is_last = has_more = false;
  }
};

/// Records that the kernel or the writer lost, by CPU (index -1: unknown) or by kind of event.
struct Loss {
  int32_t cpu = -1;
  uint32_t event = event::EventTable::kUnknown;
  uint64_t records = 0;
};

/// How far a source has got. `of_bytes` is 0 where nobody knows the end.
struct Progress {
  uint64_t bytes = 0;
  uint64_t of_bytes = 0;
};

/// Something that yields byte records in rounds: a mapped file, the kernel's rings, a test's bytes.
///
/// The one virtual seam of the data flow; called once per round, never per record. Used by one thread.
class Source {
 public:
  virtual ~Source() = default;

  /// The kinds of samples to expect; complete before the first `next_round`.
  virtual const event::EventTable& events() const = 0;

  /// Waits until there is something or `wait` has passed, then describes it in `round` (cleared first).
  /// A live source returns an empty round at the latest after 100 ms, so that timers fire.
  virtual base::Status next_round(std::chrono::milliseconds wait, Round& round) = 0;

  /// Everything of `stream` before `position` was consumed; a ring's space goes back to the kernel.
  virtual void release(uint32_t stream, uint64_t position) = 0;

  /// From the next round on, records of a moment (run_scan.h) outside of `window` may be left out of it.
  /// Its horizon is as without a window.
  void narrow(const Window& window) { window_ = window; }

  /// Any thread.
  virtual Progress progress() const { return {}; }

  /// Called from any thread: makes a waiting `next_round` return at once.
  virtual void wake() {}

  /// Losses that no LOST record tells (PERF_FORMAT_LOST at the end of a live run).
  virtual std::vector<Loss> final_losses() { return {}; }

  /// True when something of the trace could not be read.
  virtual bool is_damaged() const { return false; }

  /// Sentences about damage or limits met so far (a truncated file), for the user.
  virtual std::vector<std::string> notes() const { return {}; }

 protected:
  Window window_;
};

}  // namespace oc::source
