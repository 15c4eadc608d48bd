#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "event/event_format.h"

namespace oc::event {

/// Appends `name=value name=value` for all fields but the common ones, in the order of the format.
///
/// Integers in decimal, addresses as 0x..., arrays as {1, 2}, opaque bytes as hex digits, booleans
/// as 0 and 1, text as it is (unquoted, as perf prints it) but with control characters as \x1b, so
/// that a record stays on one line and cannot talk to a terminal. Damage shows in place of the
/// value:
/// `<truncated>` past the payload's end, `<bad offset>` for a dynamic field that points outside.
/// Does not interpret `print fmt`.
void append_text(const EventFormat& format, std::span<const uint8_t> payload, std::string& out);

/// Appends the value of one field as above, without its name.
void append_value(const Field& field, std::span<const uint8_t> payload, std::string& out);

}  // namespace oc::event
