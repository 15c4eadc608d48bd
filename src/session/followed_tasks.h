#pragma once

#include <cstdint>
#include <map>
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
  /// Learns who came and went from a sideband span.
  void learn(const source::Span& span);

  /// All are known; else whoever wants to list them lists everything.
  bool is_whole() const { return is_whole_; }
  /// Those that live now, by tid; the others are forgotten.
  std::vector<sys::ThreadInfo> list(const std::string& proc = "/proc");

 private:
  std::map<int32_t, int32_t> pids_;  ///< by tid
  bool is_whole_ = true;
};

}  // namespace oc::session
