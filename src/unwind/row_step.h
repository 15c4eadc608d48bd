#pragma once

#include "unwind/expression.h"
#include "unwind/registers.h"
#include "unwind/rule_table.h"

namespace oc::unwind {

/// The caller's registers by a whole row: the slow path. Of a register that the row does not mention the value is kept,
/// as the runtime of C++ exceptions does; what cannot be read or was undefined is not known any more. Where the return
/// address is undefined, the caller's instruction pointer is not known.
Outcome step_by_row(const FullRow& row, const Registers& registers, Memory& memory,
                    Registers& caller);

}  // namespace oc::unwind
