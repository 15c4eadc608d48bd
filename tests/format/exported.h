#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "format/exporter.h"
#include "support/export_worlds.h"

namespace oc::test {

/// What the format makes of a machine.
inline std::string exported(std::string_view format, machine::Machine& machine, const machine::Filter& filter = {},
                            bool values = true) {
  const format::Exporter* exporter = format::find_exporter(format);
  REQUIRE(exporter != nullptr);
  auto selection = machine::Selection::make(machine, filter);
  REQUIRE(selection);
  std::string bytes;
  const auto out = format::Output::into(bytes);
  REQUIRE(exporter->write({machine, *selection, {}, true, values, {}}, *out));
  REQUIRE(out->finish());
  return bytes;
}

/// Of one of the machines of export_worlds.h.
inline std::string exported(std::string_view format, std::string_view world) {
  machine::Machine machine;
  REQUIRE(fill(machine, world));
  return exported(format, machine);
}

inline size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace oc::test
