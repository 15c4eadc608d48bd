#pragma once

#include <cstdint>
#include <vector>

#include "machine/machine.h"
#include "machine/pair_table.h"

namespace oc::machine {

/// Numbers for stacks by what a person is shown of them, the names of their functions: equal for stacks that differ in
/// addresses, lines or modules alone.
///
///     main;parse;hash+0x10 ──┐         0 ─ main ─ 1 ─ parse ─ 2 ─ hash ─ 3
///     main;parse;hash+0x24 ──┴──> 3    a number for each way from the outermost function inwards
///
/// Names frames that have no name yet: resolve them before, all at once. Numbers are in the order of asking. One thread.
class ShownStacks {
 public:
  /// `with_inlined`: inlined functions are shown, too.
  ShownStacks(Machine& machine, bool with_inlined)
      : machine_(machine), with_inlined_(with_inlined) {}

  /// 0: nothing is shown of it.
  uint32_t number(StackRef stack);

 private:
  Machine& machine_;
  bool with_inlined_;
  PairTable ways_;                 ///< the number before and a name; ids are numbers - 1
  std::vector<uint32_t> numbers_;  ///< by Machine::stack_index; UINT32_MAX: not asked yet
};

}  // namespace oc::machine
