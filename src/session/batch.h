#pragma once

#include <cstdint>
#include <vector>

#include "event/descriptor.h"
#include "source/window.h"

namespace oc::session {

/// What a run has read and lost so far. Plain numbers, copied with each batch.
struct Counts {
  uint64_t records = 0;     ///< kernel records seen, asked for or not
  uint64_t bytes = 0;       ///< of those
  uint64_t delivered = 0;   ///< events put into batches
  uint64_t late = 0;        ///< older than one already delivered
  uint64_t malformed = 0;   ///< too short for what their event promises: not delivered
  uint64_t unknown = 0;     ///< samples whose id belongs to no event of the trace
  uint64_t throttled = 0;   ///< times that the kernel held sampling back for the rest of a tick
  uint64_t own = 0;         ///< made by this program itself, left out
  uint64_t start_time = 0;  ///< ns of the trace's clock: the session's beginning; 0 while unknown
  uint64_t last_time = 0;
  uint64_t end_time = 0;  ///< the newest of all, also beyond the window; 0 until all was read
  source::Window window;  ///< the part of the trace that was asked for
};

/// A record that tells of threads, mappings, losses and the like, and stands before the event of that index.
struct SideRecord {
  const uint8_t* record = nullptr;
  uint32_t before = 0;
};

/// Events in time order, only kinds that somebody asked for, with the bytes they point into lent until
/// the batch is given back.
struct Batch {
  std::vector<oc_event> events;  ///< capacity; the first `count` are valid
  uint32_t count = 0;
  std::vector<SideRecord> side;  ///< in order, where the selection asks for them
  double until = 0;      ///< ns since the session began: everything before it has been delivered
  bool is_last = false;  ///< nothing follows
  Counts counts;
};

}  // namespace oc::session
