#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "event/event_table.h"
#include "event/sample_tail.h"
#include "unwind/unwinder.h"

namespace oc::session {

/// A sample with registers and stack bytes, as one whose call chain has the user's part instead:
///
///     header | … [READ] | CALLCHAIN kernel      | [RAW] … | REGS_USER STACK_USER | [WEIGHT] …
///     header | … [READ] | CALLCHAIN kernel USER | [RAW] … |                      | [WEIGHT] …
///
/// Source: include/uapi/linux/perf_event.h, PERF_RECORD_SAMPLE; frames as the kernel stores them: the instruction
/// pointer, then return addresses. Returns how many of the frames had room in a record (64 KiB).
/// Requires: `tail` of this record, not damaged, with a call chain.
size_t append_folded(const uint8_t* record, uint32_t size_bytes, const event::SampleTail& tail,
                     std::span<const unwind::Frame> frames, std::vector<uint8_t>& out);

/// Whether samples of this kind are folded.
bool is_folded(const event::EventKind& kind);

/// The kinds as a trace with folded samples has them; ids and indexes are the same.
event::EventTable make_folded_events(const event::EventTable& events);

}  // namespace oc::session
