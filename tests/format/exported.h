#pragma once

#include <string>
#include <string_view>

#include "format/exporter.h"

namespace oc::test {

/// What a format makes of the samples of a machine that a filter lets through, not packed.
inline std::string exported(machine::Machine& machine, std::string_view format,
                            const machine::Filter& filter = {}, bool values = true,
                            bool inlined = true) {
  auto selection = machine::Selection::make(machine, filter);
  if (!selection) return "no selection: " + selection.error().what;
  std::string bytes;
  const auto out = oc::format::Output::into(bytes);
  oc::format::Export what{machine, *selection, "", inlined, values, {}};
  const auto written = oc::format::find_exporter(format)->write(what, *out);
  if (!written) return "not written: " + written.error().what;
  const auto finished = out->finish();
  return finished ? bytes : "not finished: " + finished.error().what;
}

}  // namespace oc::test
