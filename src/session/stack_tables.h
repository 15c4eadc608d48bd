#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "base/interner.h"
#include "process/address_spaces.h"
#include "process/frame_table.h"
#include "process/module_table.h"
#include "process/stack_table.h"

namespace oc::session {

/// How the user's part of a stack is found.
enum class StackMode : uint8_t {
  kNone,
  kChains,  ///< as the kernel walked it
  kUnwind,  ///< the same; where a sample has registers and stack bytes, by these
};

/// The kernel of a trace, as its first mapping tells.
struct TracedKernel {
  bool is_told = false;
  process::ModuleId module;
  uint64_t text_start = 0;  ///< the address of this symbol
  std::string text_symbol;
};

/// What a run keeps of stacks: ids that hold beyond its end. The decoder's thread adds, the script's reads what batches
/// brought it.
struct StackTables {
  explicit StackTables(base::Interner& strings) : modules(strings), spaces(modules, strings) {}

  process::ModuleTable modules;
  process::FrameTable frames;
  process::StackTable stacks;
  process::AddressSpaces spaces;

  /// Told once, by the decoder's thread. Any thread.
  void tell_kernel(TracedKernel told) {
    const std::lock_guard lock(kernel_mutex_);
    if (!kernel_.is_told) kernel_ = std::move(told);
  }
  TracedKernel kernel() const {
    const std::lock_guard lock(kernel_mutex_);
    return kernel_;
  }

 private:
  mutable std::mutex kernel_mutex_;
  TracedKernel kernel_;
};

/// What was built of stacks so far. Plain numbers.
struct StackCounts {
  uint64_t samples = 0;                       ///< with a stack id
  uint64_t frames = 0;                        ///< of all of these
  uint64_t by_end[process::kStackEnds] = {};  ///< samples, by the reason of the stack's end
  uint64_t unwound = 0;                       ///< samples whose user part was unwound
  uint64_t unwound_frames = 0;
  uint64_t chains = 0;            ///< samples whose user part is the kernel's call chain
  uint64_t short_chains = 0;      ///< of these, with one or two frames: code without frame pointers
  uint64_t untold_processes = 0;  ///< that put more code over other code than JitCode tells apart
  // Of the tables:
  uint64_t stacks = 0;
  uint64_t distinct_frames = 0;
  uint64_t modules = 0;
  uint64_t size_bytes = 0;
};

}  // namespace oc::session
