#pragma once

#include <cstdint>
#include <vector>

#include "base/block_list.h"
#include "base/id.h"
#include "process/module_table.h"

namespace oc::process {

using FrameId = base::Id<struct FrameTag>;

/// A place in code, whichever process ran it; docs/design/stacks.md says what `offset` is of each kind of module.
struct Frame {
  uint64_t offset = 0;
  ModuleId module;
  bool is_return = false;  ///< a return address: look-ups use the byte before

  /// Where look-ups of names, lines and unwind rules look.
  uint64_t lookup_offset() const { return offset - (is_return && offset != 0 ? 1 : 0); }
  friend bool operator==(const Frame&, const Frame&) = default;
};

/// Gives each distinct frame one FrameId, from 1 upwards and without gaps. Memory only grows: 16 bytes a frame and
/// 8 to 16 of index. One thread adds; any thread may read what reached it through a synchronised hand-over.
class FrameTable {
 public:
  FrameTable() : slots_(1024) {}

  FrameId intern(const Frame& frame);
  /// A number of what the frame's identity is made of: the same of the same place in other tables of this trace.
  static uint64_t mark(const Frame& frame, const ModuleTable& modules);
  /// Id 0: a frame of no module. Requires: an id of this table.
  Frame find(FrameId id) const { return id.value == 0 ? Frame{} : frames_[id.value - 1]; }
  uint32_t size() const { return frames_.size(); }
  uint64_t size_bytes() const { return frames_.size_bytes() + slots_.size() * sizeof slots_[0]; }

 private:
  size_t place(const Frame& frame) const;
  void grow();

  base::BlockList<Frame> frames_;
  std::vector<uint32_t> slots_;  ///< open addressing over ids, grown at 1/2 full
};

}  // namespace oc::process
