#include "process/frame_table.h"

#include <xxhash.h>

namespace oc::process {
namespace {

uint64_t hash(const Frame& frame) {
  uint64_t h = frame.offset * UINT64_C(0x9e3779b97f4a7c15) +
               (uint64_t{frame.module.value} << 1 | (frame.is_return ? 1 : 0)) *
                   UINT64_C(0xd6e8feb86659fd93);
  h ^= h >> 29;
  h *= UINT64_C(0xd6e8feb86659fd93);
  return h ^ h >> 32;
}

}  // namespace

/// The slot of this frame, or the free one where it belongs.
size_t FrameTable::place(const Frame& frame) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash(frame) & mask;
  while (slots_[at] != 0 && frames_[slots_[at] - 1] != frame) at = (at + 1) & mask;
  return at;
}

uint64_t FrameTable::mark(const Frame& frame, const ModuleTable& modules) {
  const uint64_t words[] = {modules.mark(frame.module), frame.offset, frame.is_return ? 1u : 0u};
  return XXH3_64bits(words, sizeof words);
}

FrameId FrameTable::intern(const Frame& frame) {
  size_t at = place(frame);
  if (slots_[at] == 0) {
    if ((frames_.size() + 1) * size_t{2} > slots_.size()) {
      grow();
      at = place(frame);
    }
    frames_.append(frame);
    slots_[at] = frames_.size();
  }
  return {slots_[at]};
}

void FrameTable::grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (uint32_t id = 1; id <= frames_.size(); ++id) slots_[place(frames_[id - 1])] = id;
}

}  // namespace oc::process
