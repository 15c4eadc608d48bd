#pragma once

#include <cstdint>

#include "event/event_table.h"

namespace oc::session {

/// Bits of oc_event.reserved, of kinds that are delivered of everyone (Selection::of_everyone).
inline constexpr uint32_t kOfOthers = 1;     ///< its thread is not of the target
inline constexpr uint32_t kAboutOthers = 2;  ///< nor is the thread that its payload names
inline constexpr uint32_t kElsewhere = 4;    ///< nor is its CPU
inline constexpr uint32_t kLeftOut =
    kOfOthers | kElsewhere;  ///< for who asked for the target's alone

// Where the payload of an event of the scheduler names a thread that is not the one that it happened in: as offset of
// an int32; kAbsent: nowhere.
/// sched_waking, sched_wakeup, sched_wakeup_new: whom they wake.
uint16_t woken_thread_at(const event::EventKind& kind);
/// Of sched_switch: who ran, also where the sample itself cannot tell any more.
uint16_t leaving_thread_at(const event::EventKind& kind);
/// Whom an event wakes, or of sched_switch: who runs next.
uint16_t other_thread_at(const event::EventKind& kind);

}  // namespace oc::session
