#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "event/event_table.h"
#include "perf/code_files.h"
#include "source/record.h"
#include "source/source.h"

namespace oc::session {

/// The files from which code is mapped while a recording runs: their build ids are read as long as the process is
/// there, a moment after the mapping was told of, and put into its record, as the kernel does when it is asked: so each mapping
/// says which file it was, also when another one was at that path before or later. One that was written over before it was
/// looked at has an id of no size: what lies there now is not it.
///
/// Not asked of the kernel by default (attr.build_id): where one recording on a machine has it, Linux (seen in 6.18,
/// perf_event_mmap_output) marks the MMAP2 records of every other one as if they had a build id, and perf 6.1 dies
/// of that. For the same reason such marks are taken off here. One thread.
class MappedFiles {
 public:
  /// `events` as the kernel was asked. `kernel_tells`: records have build ids, and there is nothing to do. `finder` outlives the
  /// object.
  MappedFiles(perf::CodeFiles& finder, const event::EventTable& events, bool kernel_tells)
      : finder_(finder), clock_(events), kernel_tells_(kernel_tells) {}

  /// Looks at the MMAP2 records of the sideband spans of a round: of each that maps code from a file with a build id,
  /// calls `use`. A span with records that are not as they should be is replaced by a copy. Lent: until the next call.
  void look_at(std::vector<source::Span>& spans,
               const std::function<bool(const source::Span&)>& is_sideband,
               const std::function<void(const perf::MappedFile&)>& use);
  /// The same of records that lie one behind the other.
  std::span<const uint8_t> look_at(std::span<const uint8_t> records,
                                   const std::function<void(const perf::MappedFile&)>& use);

 private:
  const perf::MappedFile* file_of(const uint8_t* record);
  void look_at_span(source::Span& span, const std::function<void(const perf::MappedFile&)>& use);

  perf::CodeFiles& finder_;  ///< reads each file once, whether it was mapped before or meanwhile
  source::RecordClock clock_;
  bool kernel_tells_;
  std::deque<std::vector<uint8_t>> mended_;  ///< copies of spans
};

/// The same events, of records that MappedFiles has looked at: their attributes say that mappings may have build ids.
event::EventTable make_marked_events(const event::EventTable& events);

}  // namespace oc::session
