#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/id.h"

namespace oc::session {

/// Descriptors of an event that take over from others, so that each of its samples is told once.
///
/// Both write for a moment, and of one event each takes the time for itself; so the time alone does not tell whose it is:
///
///     at CPU 0   n1 o1   n2 o2   n3 | o3   n4 | n5       o: of the older, n: of the newer; the kernel calls these first
///                x       x       x  at        o4 x       o3 is told, as n3 was not; o4 is not, as n4 was
///
/// Two samples of one CPU that follow each other, of the same thread and with the same payload, are of one event. Where
/// the two let different events through, what is told before `at` is what the older did, behind it the newer. One
/// thread; of records of a CPU in their order.
class HandOver {
 public:
  /// The newer ones wrote from `from` at the latest.
  HandOver(uint32_t kind, base::Nanos from, base::Nanos at, std::vector<uint64_t> older,
           std::vector<uint64_t> newer)
      : kind_(kind), from_(from), at_(at), older_(std::move(older)), newer_(std::move(newer)) {}

  struct Sample {
    uint64_t id = 0;
    base::Nanos time = 0;
    int32_t cpu = -1;
    int32_t tid = -1;
    std::span<const uint8_t> payload;
  };

  uint32_t kind() const { return kind_; }
  const std::vector<uint64_t>& older() const { return older_; }
  const std::vector<uint64_t>& newer() const { return newer_; }
  /// Whether this one, of the newer or of the older, is to be told.
  bool tells(const Sample& sample, bool is_newer);

 private:
  /// The last one of a CPU whose other half has not been seen.
  struct Single {
    bool is_newer = false;
    bool is_there = false;
    bool is_told = false;
    int32_t tid = -1;
    std::vector<uint8_t> payload;
  };

  uint32_t kind_;
  base::Nanos from_;
  base::Nanos at_;
  std::vector<uint64_t> older_;
  std::vector<uint64_t> newer_;
  std::map<int32_t, Single> singles_;  ///< by CPU
};

/// Those of which there may still be samples. A descriptor may be the newer of one and the older of the next.
class HandOvers {
 public:
  /// At `end` the older ones write no more.
  void add(HandOver over, base::Nanos end);
  bool is_empty() const { return entries_.empty(); }
  bool has(uint32_t kind) const;
  /// True also of what none of them wrote.
  bool tells(const HandOver::Sample& sample);
  /// Forgets those that ended before; whether there were any.
  bool forget_before(base::Nanos time);

 private:
  struct Entry {
    HandOver over;
    base::Nanos end;
  };
  struct Roles {
    HandOver* as_newer = nullptr;
    HandOver* as_older = nullptr;
  };
  void find_roles();

  std::list<Entry> entries_;
  std::unordered_map<uint64_t, Roles> roles_;  ///< by id; into `entries_`
};

}  // namespace oc::session
