#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "process/address_spaces.h"
#include "process/frame_table.h"

namespace oc::session {

/// The frame id of an address: from a direct-mapped cache, by the generation of the map that it was found in, so that
/// nothing is ever flushed. What is mapped nowhere is not kept, for a mapping may come.
///
/// `kernel` and `user` are for the decoder's thread, `intern` for any.
class FrameFinder {
 public:
  FrameFinder(process::AddressSpaces& spaces, process::FrameTable& frames)
      : spaces_(spaces), frames_(frames), slots_(std::make_unique<Slot[]>(kSlots)) {}

  /// Of an address in the kernel.
  process::FrameId kernel(uint64_t address, bool is_return) {
    const process::CodeMap& map = spaces_.kernel();
    const Slot& slot = slot_of(map, address, is_return);
    return is_in(slot, map, address, is_return) ? process::FrameId{slot.frame}
                                                : find_in_kernel(map, address, is_return);
  }
  /// Of an address of process `pid`, whose code is `map`.
  process::FrameId user(const process::CodeMap& map, int32_t pid, uint64_t address,
                        bool is_return) {
    const Slot& slot = slot_of(map, address, is_return);
    return is_in(slot, map, address, is_return) ? process::FrameId{slot.frame}
                                                : find_in_user(map, pid, address, is_return);
  }
  /// Of an address in a guest of this machine, of which nothing is known.
  process::FrameId guest(uint64_t address, bool is_return);
  process::FrameId intern(const process::Frame& frame);

 private:
  static constexpr uint32_t kBits = 15;
  static constexpr uint32_t kSlots = 1 << kBits;

  struct Slot {
    uint64_t key = 0;  ///< address and, as the lowest bit, whether it is a return address
    uint32_t generation = 0;
    uint32_t frame = 0;
  };

  /// The top bit goes: whether an address is the kernel's, its map's generation says.
  static uint64_t key_of(uint64_t address, bool is_return) {
    return address << 1 | (is_return ? 1 : 0);
  }
  Slot& slot_of(const process::CodeMap& map, uint64_t address, bool is_return) {
    const uint64_t mixed = (key_of(address, is_return) ^ uint64_t{map.generation()} << 32) *
                           UINT64_C(0x9e3779b97f4a7c15);
    return slots_[mixed >> (64 - kBits)];
  }
  static bool is_in(const Slot& slot, const process::CodeMap& map, uint64_t address,
                    bool is_return) {
    return slot.key == key_of(address, is_return) && slot.generation == map.generation();
  }
  process::FrameId find_in_kernel(const process::CodeMap& map, uint64_t address, bool is_return);
  process::FrameId find_in_user(const process::CodeMap& map, int32_t pid, uint64_t address,
                                bool is_return);
  process::FrameId keep(const process::CodeMap& map, const process::CodeRange& range,
                        uint64_t address, bool is_return);

  process::AddressSpaces& spaces_;
  process::FrameTable& frames_;
  std::mutex mutex_;  ///< of frames_
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace oc::session
