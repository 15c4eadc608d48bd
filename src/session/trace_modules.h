#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "event/descriptor.h"
#include "session/frame_names.h"
#include "session/stack_tables.h"

namespace oc::session {

/// Which modules the samples of a run were in. The script's thread, between the run's batches.
class TraceModules {
 public:
  struct Use {
    process::ModuleId module;
    uint64_t samples = 0;    ///< taken in its code
    uint64_t in_stacks = 0;  ///< with a frame of it in their stack, these among them
    uint64_t named = 0;      ///< of `samples`, those whose function is known
  };

  /// What the batch's events have; their stacks and places were declared.
  void add(std::span<const oc_event> events);
  /// Of all modules, those with most samples first. Names of the places are looked up when `with_names`.
  std::vector<Use> finish(const StackTables& tables, FrameNames& names, bool with_names) const;

 private:
  std::unordered_map<uint64_t, uint64_t> samples_;  ///< by frame id << 32 | stack id
};

}  // namespace oc::session
