#include "session/other_thread.h"

#include <string_view>

namespace oc::session {

namespace {

/// The format may be a recording's: what is no int32 of the fixed part is not read.
uint16_t field_at(const event::EventFormat& format, std::string_view name) {
  const event::Field* const field = format.find(name);
  const bool fits = field != nullptr && field->kind == event::FieldKind::kInteger &&
                    field->size == sizeof(int32_t) &&
                    field->offset + field->size <= format.fixed_size();
  return fits ? static_cast<uint16_t>(field->offset) : event::kAbsent;
}

bool is_switch(const event::EventKind& kind) {
  return kind.format && kind.format->system == "sched" && kind.format->name == "sched_switch";
}

}  // namespace

uint16_t woken_thread_at(const event::EventKind& kind) {
  if (!kind.format || kind.format->system != "sched") return event::kAbsent;
  const std::string& name = kind.format->name;
  const bool wakes = name == "sched_waking" || name == "sched_wakeup" || name == "sched_wakeup_new";
  return wakes ? field_at(*kind.format, "pid") : event::kAbsent;
}

uint16_t leaving_thread_at(const event::EventKind& kind) {
  return is_switch(kind) ? field_at(*kind.format, "prev_pid") : event::kAbsent;
}

uint16_t other_thread_at(const event::EventKind& kind) {
  return is_switch(kind) ? field_at(*kind.format, "next_pid") : woken_thread_at(kind);
}

}  // namespace oc::session
