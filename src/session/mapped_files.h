#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "perf/rundown.h"
#include "source/source.h"

namespace oc::session {

/// The files from which code is mapped while a recording runs: their build ids are read as long as the process is
/// there, a moment after the mapping was told of.
///
/// Not asked of the kernel by default (attr.build_id): where one recording on a machine has it, Linux (seen in 6.18,
/// perf_event_mmap_output) marks the MMAP2 records of every other one as if they had a build id, and perf 6.1 dies
/// of that. For the same reason such marks are taken off here. One thread.
class MappedFiles {
 public:
  /// `kernel_tells`: records have build ids, and there is nothing to do. `finder` outlives the object.
  MappedFiles(perf::Rundown& finder, bool kernel_tells)
      : finder_(finder), kernel_tells_(kernel_tells) {}

  /// Looks at the MMAP2 records of the sideband spans of a round: of each that maps code from a file with a build id,
  /// calls `use`. A span with false marks is replaced by a copy without them. Lent: until the next call.
  void look_at(std::vector<source::Span>& spans,
               const std::function<bool(const source::Span&)>& is_sideband,
               const std::function<void(const perf::MappedFile&)>& use);

 private:
  bool look_at_span(const source::Span& span,
                    const std::function<void(const perf::MappedFile&)>& use);

  perf::Rundown& finder_;  ///< reads each file once, whether it was mapped before or meanwhile
  bool kernel_tells_;
  std::deque<std::vector<uint8_t>> mended_;  ///< spans without their marks
};

}  // namespace oc::session
