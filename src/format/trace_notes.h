#pragma once

#include <string>
#include <vector>

#include "format/exporter.h"

namespace oc::format {

/// What the reader of a picture or report has to know before believing it: losses, what was let go, damage. A sentence
/// each.
std::vector<std::string> trace_notes(const machine::Machine& machine);

/// The export's title, or the trace's name, or its command; never empty.
std::string title_of(const Export& what);

}  // namespace oc::format
