#pragma once

#include <cstdint>

#include "event/event_format.h"

namespace oc::event {

/// Learns from `format.print_fmt` which fields are addresses and which arrays are really opaque
/// bytes.
///
/// A field becomes `is_hex` when all of this holds; when in doubt it stays a number:
///   - it is an integer or an array of integers,
///   - an argument is nothing but that field, perhaps with casts, parentheses or one index:
///     `REC->ip`, `(void *)REC->ip`, `((unsigned long)(REC->args[0]))`, but not `REC->pfn << 12`,
///     not `cond ? REC->a : 0` and nothing inside `__print_symbolic(...)`,
///   - its specification is %p, %px, %pK, %pS, %ps, %pB, %pF, %pf (element of the size of a long),
///   or
///     %lx (a long at least), or %llx, %Lx (8 bytes), with any flags and width; plain %x is a
///     number, also of 4 bytes on a kernel of 32 bits, and so are %zx and the other letters after
///     %p,
///   - it is not also printed in decimal,
///   - the system is not `syscalls`, where every argument, also a count, is printed with %08lx:
///   there
///     only pointer types count.
/// Pointer types are `is_hex` from their declaration.
///
/// `__get_bitmask(f)`, `__get_cpumask(f)` and `__get_sockaddr(f)` make `f` a kDynamicBytes field.
void apply_print_fmt(EventFormat& format, uint32_t long_size);

}  // namespace oc::event
