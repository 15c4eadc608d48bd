#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::event {

/// How the bytes of a field are to be read.
enum class FieldKind : uint8_t {
  kInteger,       ///< `size` bytes (1, 2, 4, 8), `is_signed`; enums too
  kFloat,         ///< `size` bytes (4, 8)
  kBool,          ///< one byte
  kPointer,       ///< `size` bytes (4, 8), an address: shown in hex
  kChars,         ///< `size` bytes of text, ends at the first NUL if there is one
  kBytes,         ///< `size` opaque bytes (a struct or union by value)
  kArray,         ///< `count` elements of `element_size` (1, 2, 4, 8) bytes; enums and pointers too
  kDynamicChars,  ///< u32 at `offset`: low half offset in the payload, high half length; text
  kDynamicArray,  ///< the same for elements of `element_size` (1, 2, 4, 8) bytes
  kDynamicBytes,  ///< the same for opaque bytes (bitmasks, sockaddr)
};

/// One field of an event's payload.
///
///     payload: | common_type .. | field: size bytes at offset | dynamic data ... |
///     __data_loc: the u32 at `offset` holds  (length << 16) | offset from the payload's start
///     __rel_loc:  the same, but the offset counts from the end of that u32
///
/// A text, array or opaque field with `size` 0 reaches to the end of the payload ("char buf[]").
/// `field_bytes` (event/field_bytes.h) finds a field's bytes for all of these.
struct Field {
  std::string name;
  std::string type;  ///< as the kernel printed it, without name and [n]: "unsigned long", "char"
  FieldKind kind = FieldKind::kInteger;
  uint32_t offset = 0;        ///< bytes from the start of the payload
  uint32_t size = 0;          ///< bytes in the fixed part: 4 of dynamic fields, 0: all that is left
  uint32_t element_size = 0;  ///< of arrays; 1 of text and of opaque bytes; otherwise equal to size
  uint32_t count = 0;         ///< elements of a fixed array; 0 otherwise
  bool is_signed = false;     ///< of the integer, or of the elements
  bool is_relative = false;   ///< __rel_loc
  bool is_hex = false;        ///< an address or a hash, by its type or by `print fmt` (print_fmt.h)
  bool is_common = false;     ///< one of the common_* fields
};

/// No payload is longer: perf's record size and the offsets of dynamic fields are 16 bits.
constexpr uint32_t kMaxPayload = 1u << 16;

/// What a tracepoint's payload looks like, parsed from the kernel's `format` text.
///
/// Passive data; made once per session and never changed. Every field ends at or before
/// kMaxPayload and has a name of its own; fields may overlap when the kernel says so. Nothing is
/// known about any record: readers check the record's payload size.
struct EventFormat {
  std::string system;  ///< "sched"
  std::string name;    ///< "sched_switch"
  uint32_t id = 0;     ///< the kernel's number, perf_event_attr.config
  std::vector<Field> fields;
  std::string print_fmt;           ///< the text after "print fmt: "
  std::vector<std::string> notes;  ///< fields that were left out, and why

  /// Null when there is no such field. Owned by the format.
  const Field* find(std::string_view field_name) const;
  /// Bytes that a payload must have for every fixed field to be readable.
  uint32_t fixed_size() const;
};

/// Parses the text of /sys/kernel/tracing/events/SYSTEM/NAME/format (also as stored in perf.data).
/// `long_size` is that of the traced kernel, in bytes. Errors name the line: no name or ID, a field
/// line that cannot be read. Fields that cannot be (beyond kMaxPayload) are left out with a note.
/// Source of the layout: kernel kernel/trace/trace_events.c f_show(), include/trace/stages/.
base::Result<EventFormat> parse_format(std::string_view text, std::string_view system,
                                       uint32_t long_size = 8);

}  // namespace oc::event
