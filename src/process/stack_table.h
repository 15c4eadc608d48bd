#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/block_list.h"
#include "base/id.h"
#include "process/frame_table.h"

namespace oc::process {

using StackId = base::Id<struct StackTag>;

/// Why a stack has no more frames.
enum class StackEnd : uint8_t {
  kComplete,     ///< its outermost function, or as far as frame pointers lead
  kNotRecorded,  ///< the sample has no stack: at most the place where it was taken
  kTooDeep,      ///< as many frames as the kernel stores, or as were asked for
  kDamaged,      ///< the record ends before its stack does
  kNoUserStack,  ///< only the kernel's part: the user's registers or stack were not to be had
  kStackCut,     ///< more of the stack would have had to be copied
  kNoModule,     ///< nothing is mapped at an address
  kNoRule,       ///< the module has no unwind information for an address
  kNoFile,       ///< the module's file cannot be had
  kBadRule,      ///< unwind information that is damaged or not understood
  kBadMemory,    ///< a rule reads what was not copied
  kNoProgress,   ///< the same frame again
  kUnsupported,  ///< registers of a machine or mode that is not unwound
};
constexpr size_t kStackEnds = 13;

/// A sentence without its subject: "complete", "the module has no unwind information".
std::string_view describe(StackEnd end);

/// A stack as the table has it. Interned: valid as long as the table.
struct StackView {
  std::span<const uint32_t> frames;  ///< FrameIds, the innermost first
  uint32_t kernel_frames = 0;        ///< the first so many are the kernel's
  StackEnd end = StackEnd::kNotRecorded;
};

/// Gives each distinct stack one StackId, from 1 upwards and without gaps.
///
///     words:   … | header | frame ids … | header | frame ids … |      header: frames | kernel frames << 13 | end << 26
///     starts:  by id, the place of its header
///     slots_:  open addressing over ids, by the XXH3 of those words, of which half is kept beside each; grown at 1/2 full
///
/// Memory only grows: 4 bytes a frame, and 24 to 40 a stack. One thread interns; any thread may read ids that reached
/// it through a synchronised hand-over, for words never move.
class StackTable {
 public:
  /// A record has 64 KiB, so the kernel stores fewer.
  static constexpr uint32_t kMostFrames = (1 << 13) - 1;

  StackTable() : slots_(1024) {}
  StackTable(const StackTable&) = delete;
  StackTable& operator=(const StackTable&) = delete;
  ~StackTable();

  /// Frames beyond kMostFrames are left out. Id 0 when memory for words (16 GiB) ends.
  StackId intern(std::span<const uint32_t> frames, uint32_t kernel_frames, StackEnd end);
  /// Id 0: a stack that was not recorded. Requires: an id of this table.
  StackView find(StackId id) const;
  uint32_t size() const { return starts_.size(); }
  uint64_t frames() const { return frames_; }  ///< of all stacks
  uint64_t size_bytes() const;

 private:
  /// Blocks of rising size, so that few are enough and small runs stay small.
  static constexpr uint32_t kFirstBits = 13;  ///< a stack fits into each
  static constexpr uint32_t kBlocks = 32 - kFirstBits;

  const uint32_t* words_at(uint32_t place) const;
  bool reserve(uint32_t words);
  /// An id with the half of the hash by which it was placed: what differs is known without a look at its words.
  struct Slot {
    uint32_t id = 0;  ///< 0: free
    uint32_t hash = 0;
  };
  size_t slot_of(std::span<const uint32_t> words, uint32_t hash) const;
  void grow();

  std::array<std::atomic<uint32_t*>, kBlocks> blocks_{};
  uint32_t block_ = 0;  ///< the one that is filled
  uint32_t used_ = 0;   ///< words of it
  base::BlockList<uint32_t, 10> starts_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> scratch_;
  uint64_t frames_ = 0;
};

}  // namespace oc::process
