#pragma once

#include <string>
#include <string_view>

#include "format/exporter.h"

namespace oc::test {

/// What is asked of an export beside the format.
struct Wanted {
  machine::Filter filter;
  std::string title;
  bool inlined = true, values = true;
};

/// The bytes of an export; "error: …" where it failed.
inline std::string exported(machine::Machine& machine, std::string_view format,
                            Wanted wanted = {}) {
  const format::Exporter* exporter = format::find_exporter(format);
  if (exporter == nullptr) return "error: no such format";
  const auto selection = machine::Selection::make(machine, wanted.filter);
  if (!selection) return "error: " + selection.error().what;
  std::string bytes;
  const auto out = format::Output::into(bytes);
  auto status =
      exporter->write({machine, *selection, wanted.title, wanted.inlined, wanted.values, {}}, *out);
  if (status) status = out->finish();
  return status ? bytes : "error: " + status.error().what;
}

/// The same with a filter and nothing else out of the ordinary.
inline std::string exported(machine::Machine& machine, std::string_view format,
                            const machine::Filter& filter, bool values = true,
                            bool inlined = true) {
  return exported(machine, format, Wanted{filter, {}, inlined, values});
}

}  // namespace oc::test
