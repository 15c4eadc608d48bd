#pragma once

#include <cstdint>
#include <vector>

#include "event/event_table.h"
#include "source/source.h"

namespace oc::session {

/// What was lost since `before`, by event and CPU. Both as LiveSource::final_losses gives them.
std::vector<source::Loss> losses_since(const std::vector<source::Loss>& before,
                                       const std::vector<source::Loss>& now);

/// LOST_SAMPLES records for the end of a recording, as perf writes them: one for each event and CPU, with the time 0,
/// and all that it lost, also what LOST records told.
///
///     { header, u64 lost } | trailer of the event: its first id, the CPU, time 0, pid and tid -1
///
/// perf's own have zeros there but for the id, so that their CPU is not known: the pid tells the two apart.
std::vector<uint8_t> make_loss_records(const event::EventTable& events,
                                       const std::vector<source::Loss>& losses);

}  // namespace oc::session
