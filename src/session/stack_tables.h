#pragma once

#include <cstdint>
#include <string>

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

/// The kernel of a trace, as its first mapping tells: written before the first batch is handed over.
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
  TracedKernel kernel;
};

/// What was built of stacks so far. Plain numbers.
struct StackCounts {
  uint64_t samples = 0;                       ///< with a stack id
  uint64_t frames = 0;                        ///< of all of these
  uint64_t by_end[process::kStackEnds] = {};  ///< samples, by the reason of the stack's end
  uint64_t unwound = 0;                       ///< samples whose user part was unwound
  uint64_t unwound_frames = 0;
};

}  // namespace oc::session
