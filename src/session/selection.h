#pragma once

#include <cstdint>
#include <vector>

#include "base/id.h"
#include "event/event_table.h"
#include "session/task_selection.h"
#include "session/time_window.h"

namespace oc::session {

/// What a decoder is to deliver; fixed before the first batch.
struct Selection {
  std::vector<uint8_t>
      wanted;            ///< by kind: the kernel records, then the samples of the event table
  int32_t own_pid = -1;  ///< events of this process are left out, unless `keep_own`
  std::vector<uint8_t> keep_own;  ///< by kind
  TaskSelection tasks;            ///< whose events are delivered
  /// By kind: all are delivered, and those of threads and CPUs that are not chosen are marked as such.
  std::vector<uint8_t> of_everyone;
  /// The kernel chose the tasks already, but for the events of these kinds, by kind: `tasks` chooses of them.
  bool kernel_chose_tasks = false;
  std::vector<uint8_t> unchosen;
  std::vector<int32_t> cpus;  ///< events of these CPUs; empty: of all
  /// The kind (of the event table) whose trailers mark records that are for the process model only.
  uint32_t heard_only = event::EventTable::kUnknown;
  /// Batches have all records that tell what later ones mean, also those before the window and of other tasks.
  bool keeps_side_records = false;
  bool is_live = false;        ///< hand over what there is rather than wait for a full batch
  uint32_t batches_ahead = 0;  ///< filled while the script still uses so many before them
  uint64_t max_events = UINT64_MAX;
  base::Nanos max_span =
      UINT64_MAX;         ///< events later than this after the window's beginning are not delivered
  base::Nanos start = 0;  ///< time zero; 0: the first record with a time
  TimeWindow window;      ///< events outside of it are not delivered
  TimeMarks marks;        ///< of the samples, where the window needs them
};

}  // namespace oc::session
