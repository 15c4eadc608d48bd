#pragma once

#include <cstddef>
#include <string_view>

namespace oc::lua {

/// A text that the program carries: a Lua module ("lua/oc/trace.lua"), a stock script
/// ("scripts/cpu_top.lua") or a C header ("abi/session.h"). Written by lua/embed.lua.
struct EmbeddedFile {
  const char* name;
  const char* text;
  size_t size_bytes;
  const char* code;  ///< of a module: bytecode; it keeps lines and names
  size_t code_bytes;
};

extern const EmbeddedFile kEmbedded[];
extern const size_t kEmbeddedCount;
/// `jit.version` of the LuaJIT that can load the bytecode: another one must be given the text.
extern const char* const kCodeIsFor;

/// Null when the program does not carry it.
inline const EmbeddedFile* find_embedded(std::string_view name) {
  for (size_t i = 0; i < kEmbeddedCount; ++i) {
    if (name == kEmbedded[i].name) return &kEmbedded[i];
  }
  return nullptr;
}

}  // namespace oc::lua
