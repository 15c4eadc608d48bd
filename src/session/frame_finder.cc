#include "session/frame_finder.h"

namespace oc::session {

using process::CodeMap;
using process::CodeRange;
using process::Frame;
using process::FrameId;

namespace {

constexpr int32_t kGuestPid = -2;  // of no process; its module is a place of its own

/// A call may be the last instruction of a mapping: the range is that of the byte before.
const CodeRange* find_range(const CodeMap& map, uint64_t address, bool is_return) {
  return map.find(address - (is_return && address != 0 ? 1 : 0));
}

}  // namespace

FrameId FrameFinder::intern(const Frame& frame) {
  const std::lock_guard lock(mutex_);
  return frames_.intern(frame);
}

FrameId FrameFinder::keep(const CodeMap& map, const CodeRange& range, uint64_t address,
                          bool is_return) {
  const FrameId id = intern(range.frame(address, is_return));
  slot_of(map, address, is_return) = {key_of(address, is_return), map.generation(), id.value};
  return id;
}

FrameId FrameFinder::find_in_kernel(const CodeMap& map, uint64_t address, bool is_return) {
  const CodeRange* const range = find_range(map, address, is_return);
  if (range != nullptr) return keep(map, *range, address, is_return);
  return intern({address, spaces_.kernel_module(), is_return});
}

FrameId FrameFinder::find_in_user(const CodeMap& map, int32_t pid, uint64_t address,
                                  bool is_return) {
  const CodeRange* const range = find_range(map, address, is_return);
  if (range != nullptr) return keep(map, *range, address, is_return);
  return intern({address, spaces_.nowhere(pid), is_return});
}

FrameId FrameFinder::guest(uint64_t address, bool is_return) {
  return intern({address, spaces_.nowhere(kGuestPid), is_return});
}

}  // namespace oc::session
