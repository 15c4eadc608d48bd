#pragma once

#include <vector>

#include "sys/finding.h"

namespace oc::session {

/// All that `oc doctor` looks at, in the order in which it is shown. Takes some milliseconds; opens
/// and closes events, changes nothing.
std::vector<sys::Finding> examine();

}  // namespace oc::session
