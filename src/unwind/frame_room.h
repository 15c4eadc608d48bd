#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include "unwind/unwinder.h"

namespace oc::unwind {

/// Room for the frames of several stacks that are unwound together. Few stacks are as deep as the deepest that may
/// come, so memory is taken as zero pages that are there when they are first written to.
class FrameRoom {
 public:
  FrameRoom(size_t stacks, size_t most_frames)
      : most_(most_frames),
        frames_(static_cast<Frame*>(std::calloc(stacks * stride(), sizeof(Frame)))) {
    if (!frames_) throw std::bad_alloc();
  }

  /// Owned by the object; stale after the next use of the same place.
  std::span<Frame> of(size_t stack) const { return {frames_.get() + stack * stride(), most_}; }

 private:
  struct Free {
    void operator()(Frame* frames) const { std::free(frames); }
  };
  /// A cache line more than asked for: rooms that begin a power of two apart would share the same few lines of the cache.
  size_t stride() const { return most_ + 64 / sizeof(Frame); }

  size_t most_;
  std::unique_ptr<Frame, Free> frames_;
};

}  // namespace oc::unwind
