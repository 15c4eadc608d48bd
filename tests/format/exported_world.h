#pragma once

#include <catch2/catch.hpp>

#include "support/export_worlds.h"
#include "support/exported.h"

namespace oc::test {

/// What a format makes of one of the machines of export_worlds.h.
inline std::string exported(std::string_view world, std::string_view format) {
  machine::Machine machine;
  REQUIRE(fill(machine, world));
  return exported(machine, format);
}

inline size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace oc::test
