#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/id.h"
#include "session/record_tally.h"
#include "source/source.h"

namespace oc::session {

/// How much of the past a flight recorder keeps; one of the two is 0.
struct FlightWindow {
  base::Nanos time = 0;
  uint64_t bytes = 0;
};

/// The last seconds of a recording, in memory.
///
///     | rundown 1, rounds … | rundown 2, rounds … | rundown 3, rounds … <- now
///     `- dropped when the ones behind it cover the window
///
/// A segment begins with what ran then, so that any of them can be the first of a dump. Half a window each: at most
/// one and a half are kept. A window of bytes counts rounds, as a dump has only the first rundown. All together never
/// more than `most_bytes`, however short a time that is, but for what a dump still has to write of dropped segments:
/// see has_room_beside_dump. One thread.
class FlightSpool {
 public:
  /// Whole records of one turn. Counted in `held_bytes` as long as it lives.
  class Round {
   public:
    Round(std::span<const source::Span> spans, size_t size_bytes, uint64_t& held_bytes);
    ~Round() { held_bytes_ -= size_bytes_; }
    Round(const Round&) = delete;
    std::span<const uint8_t> records() const { return {bytes_.get(), size_bytes_}; }

   private:
    std::unique_ptr<uint8_t[]> bytes_;
    size_t size_bytes_;
    uint64_t& held_bytes_;
  };
  struct Segment {
    std::vector<uint8_t> rundown;
    std::vector<source::BuildId> files;     ///< of the rundown
    std::vector<source::Loss> lost_before;  ///< of the whole recording until it began
    base::Nanos began = 0;
    /// Shared with a dump, which goes on while segments are dropped.
    std::vector<std::shared_ptr<const Round>> rounds = {};
    uint64_t round_bytes = 0;
    uint64_t size_bytes() const { return rundown.size() + round_bytes; }
  };

  FlightSpool(FlightWindow window, uint64_t most_bytes)
      : window_(window), most_bytes_(most_bytes) {}

  /// A new segment from now on.
  void begin_segment(Segment segment);
  /// Another file of the segment at hand; each once.
  void add_file(source::BuildId file);
  /// Keeps a copy of a turn's records. Requires: a segment.
  void add(std::span<const source::Span> spans, base::Nanos now);
  bool wants_segment(base::Nanos now) const;

  const std::deque<Segment>& segments() const { return segments_; }
  uint64_t size_bytes() const { return size_bytes_; }
  /// Whether more may be added while a dump keeps rounds of segments that were dropped: as long as these and all that
  /// is here are less than `most_bytes` and a quarter.
  bool has_room_beside_dump() const { return held_bytes_ < most_bytes_ + most_bytes_ / 4; }
  /// The memory limit has dropped what the window still wanted.
  bool is_cut_short() const { return is_cut_short_; }

 private:
  void drop_old(base::Nanos now);
  void drop_first();
  uint64_t segment_bytes() const;

  FlightWindow window_;
  uint64_t most_bytes_;
  uint64_t held_bytes_ = 0;  ///< of all rounds that live; outlives them
  std::deque<Segment> segments_;
  uint64_t size_bytes_ = 0;   ///< of the segments
  uint64_t round_bytes_ = 0;  ///< of their rounds
  bool is_cut_short_ = false;
};

}  // namespace oc::session
