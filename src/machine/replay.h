#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "machine/selection.h"

namespace oc::machine {

/// Everything that a machine knows, in order of time over all processes: what an exporter that writes a stream of events
/// needs.
///
///     samples (in order, or an index by time) ─┐
///     spans, threads, processes, mappings  ────┴─ heap of the streams' next moments ──> next()
///
/// At one time beginnings come first, then samples, then ends. What began before the trace comes first of all, what never
/// ended has no end. As of its making. One thread.
class Replay {
 public:
  enum class What : uint8_t {
    kProcessStart,  ///< id: ProcessId
    kThreadStart,   ///< ThreadId
    kMap,           ///< 1 + index of ProcessTable::mappings
    kSpanStart,     ///< SpanId
    kSample,        ///< number of the sample
    kSpanEnd,
    kUnmap,
    kThreadEnd,
    kProcessEnd,
  };
  struct Moment {
    int64_t time = 0;
    What what = What::kSample;
    uint64_t id = 0;
  };

  /// Of the samples those of the selection; all of the rest.
  explicit Replay(const Selection& selection);
  bool next(Moment* out);

 private:
  /// Sorted by time.
  struct Stream {
    std::vector<Moment> moments;
    size_t at = 0;
  };
  static bool is_after(const Moment& a, const Moment& b) {
    if (a.time != b.time) return a.time > b.time;
    if (a.what != b.what) return a.what > b.what;
    return a.id > b.id;
  }
  void add_stream(std::vector<Moment> moments);
  bool next_sample(Moment* out);
  void push(size_t stream);

  struct Entry {
    Moment moment;
    size_t stream;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const { return is_after(a.moment, b.moment); }
  };

  const Selection* selection_;
  const Machine* machine_;
  std::vector<Stream> streams_;  ///< the last one: samples that are not in order
  std::priority_queue<Entry, std::vector<Entry>, Later> heap_;
  // Where samples are in order they are read from the table, chunk by chunk:
  bool is_ordered_ = false;
  uint64_t end_ = 0;
  size_t chunk_ = 0;
  uint64_t chunk_first_ = 0;
  uint32_t place_ = 0;
  std::vector<uint16_t> places_;
};

}  // namespace oc::machine
