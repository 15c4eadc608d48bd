#pragma once

#include <cstddef>
#include <string_view>

namespace oc::lua {

/// A text that the program carries: a Lua module ("lua/oc/trace.lua"), a stock script
/// ("scripts/cpu_top.lua") or a C header ("abi/session.h"). Written by lua/embed.py.
struct EmbeddedFile {
  const char* name;
  const char* text;
  size_t size_bytes;
};

extern const EmbeddedFile kEmbedded[];
extern const size_t kEmbeddedCount;

/// The text of `name`; null data() when the program does not carry it.
inline std::string_view find_embedded(std::string_view name) {
  for (size_t i = 0; i < kEmbeddedCount; ++i) {
    if (name == kEmbedded[i].name) return {kEmbedded[i].text, kEmbedded[i].size_bytes};
  }
  return {};
}

}  // namespace oc::lua
