#pragma once

#include "format/import.h"

namespace oc::test {

/// Writes an imported machine in the formats that importers are for, and reads the profile again: it must be sound and have
/// the same sums. Aborts otherwise.
void exercise_import(const format::Imported& imported);

}  // namespace oc::test
