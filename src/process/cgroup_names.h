#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace oc::process {

/// The paths of cgroups by the ids that samples carry.
///
/// An id never means another group, so who asks late gets the same answer: the decoder's thread adds,
/// the script's asks. Any thread.
class CgroupNames {
 public:
  /// A later path of the same id (a group that was renamed) wins.
  void add(uint64_t id, std::string_view path);
  /// A copy; "" when nobody told.
  std::string find(uint64_t id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, std::string> paths_;
};

}  // namespace oc::process
