#pragma once

#include <string_view>

#include "machine/machine.h"

namespace oc::test {

/// Machines for tests of exports. Each fills an empty one.

/// Two processes, three threads, user, kernel, inlined and compiled code, spans, attributes, a loss.
void fill_web(machine::Machine& machine);
/// The same program later: `parse` costs more, `hash` is new, `copy` went away.
void fill_web_later(machine::Machine& machine);
/// Names that are none: markup, separators, NUL, bytes that are no UTF-8, 64 KiB.
void fill_hostile(machine::Machine& machine);
/// So many samples over 10 seconds, 4 CPUs, 40 threads and some thousand stacks.
void fill_many(machine::Machine& machine, uint32_t samples);
/// Stacks that all differ, and some of 4,000 frames.
void fill_deep(machine::Machine& machine);

/// Anything that a machine can hold: names of any bytes, values below zero, spans that overlap, samples out of order.
void fill_random(machine::Machine& machine, uint64_t seed);

/// By name: "empty", "one", "web", "hostile", "many", "deep", "random:SEED". False: no such.
bool fill(machine::Machine& machine, std::string_view name);

}  // namespace oc::test
