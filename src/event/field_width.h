#pragma once

#include <cstdint>

#include "event/event_format.h"

namespace oc::event {

/// How wide an integer field is read, and whether it has a sign.
struct FieldWidth {
  uint32_t size_bytes = 0;
  bool is_signed = false;
};

/// Arguments of system calls are of 8 bytes without a sign for the kernel, whatever their type in C: those are read as
/// that type. lua/oc/view_source.lua does the same.
FieldWidth width_of(const Field& field);

}  // namespace oc::event
