#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "source/source.h"
#include "sys/proc.h"

namespace oc::session {

/// The threads of a recording that is about some processes only, as long as it runs: those that it began with, and
/// those that FORK records tell of. The kernel gives records of no others, so that all of these belong here.
///
/// Where sideband was lost, nobody knows any more who they are. One thread.
class FollowedTasks {
 public:
  /// It was there at the beginning.
  void add(const sys::ThreadInfo& thread) { pids_[thread.tid] = thread.pid; }
  /// Learns who came and went from the sideband spans of a round. Several CPUs tell one after the other, so that the end of a
  /// thread may stand before its beginning, or before the exec that gave its id to another: who ended here and was named
  /// here too is asked for.
  void learn(std::span<const source::Span> spans);

  /// All are known; else whoever wants to list them lists everything.
  bool is_whole() const { return is_whole_; }
  /// Those that live now, by tid; the others are forgotten.
  std::vector<sys::ThreadInfo> list(const std::string& proc = "/proc");

 private:
  void forget_ended(const source::Span& span);
  void add_named(const source::Span& span);
  void put(int32_t pid, int32_t tid);

  std::vector<int32_t> ended_;       ///< in the round at hand
  std::map<int32_t, int32_t> pids_;  ///< by tid
  bool is_whole_ = true;
};

}  // namespace oc::session
