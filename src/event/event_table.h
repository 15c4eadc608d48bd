#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "event/event_format.h"
#include "event/sample_layout.h"

namespace oc::event {

/// One kind of sample in a trace: an attr, its name, its layout and, for a tracepoint, its format.
struct EventKind {
  std::string name;      ///< "sched:sched_switch", "cpu-clock", "cycles:u"
  perf_event_attr attr;  ///< as opened or as stored; attr.size is that of the kernel's struct here
  SampleLayout layout;
  std::optional<EventFormat> format;  ///< of a tracepoint; absent when nobody knows it, or
                                      ///< its samples carry no payload (no RAW)
};

/// The kinds of samples in a trace and how to tell which one a record is.
///
/// Filled by the source before the first record is read, read by the decoder on its own thread. Only of a live trace
/// there may be more later: its decoder is on the thread that adds them. Kinds keep their address and their index.
class EventTable {
 public:
  /// Adds a kind with the ids (PERF_FORMAT_ID) of its descriptors; returns its index.
  uint32_t add(EventKind kind, const std::vector<uint64_t>& ids);
  /// More ids of a kind that is already there.
  void add_ids(uint32_t index, const std::vector<uint64_t>& ids);
  /// The ids of every kind, ascending.
  std::vector<std::vector<uint64_t>> ids_by_kind() const;
  /// Call after the last add: builds the look-up. `may_grow`: samples of kinds that were not added may
  /// follow, so that an only kind's samples are told by their ids as well, where it has any.
  void finish(bool may_grow = false);

  uint32_t size() const { return static_cast<uint32_t>(kinds_.size()); }
  const EventKind& operator[](uint32_t index) const { return kinds_[index]; }

  static constexpr uint32_t kUnknown = 0xffff;

  /// The kind with this id, or kUnknown.
  uint32_t find(uint64_t id) const { return find_with_tail(id) & 0xffff; }

  /// The same, with its layout's `tail` (the least size of its samples) in the upper half: one load
  /// when the ids lie close together, as the kernel's do. kUnknown has the largest tail.
  uint32_t find_with_tail(uint64_t id) const {
    const uint64_t slot = id - first_id_;
    if (slot < dense_.size()) return dense_[slot];
    return find_sparse(id);
  }
  /// `find_with_tail` of first_id(), first_id() + 1 … when the ids lie close together; empty otherwise.
  /// Owned by the table.
  const std::vector<uint32_t>& dense() const { return dense_; }
  uint64_t first_id() const { return first_id_; }

  uint32_t with_tail(uint32_t index) const {
    return index | static_cast<uint32_t>(kinds_[index].layout.tail) << 16;
  }

  /// Where all samples have their id, from the record's start; kAbsent: only one kind, or no ids.
  uint16_t id_offset() const { return id_offset_; }
  /// Where trailers have their id, from the trailer's start.
  uint16_t trailer_id_offset() const { return trailer_id_offset_; }

 private:
  static constexpr uint32_t kUnknownWithTail = 0xffffffff;
  uint32_t find_sparse(uint64_t id) const;

  std::deque<EventKind> kinds_;
  std::unordered_map<uint64_t, uint32_t> by_id_;
  std::vector<uint32_t> dense_;
  uint64_t first_id_ = 0;
  uint16_t id_offset_ = kAbsent;
  uint16_t trailer_id_offset_ = kAbsent;
};

}  // namespace oc::event
