#pragma once

#include <lua.hpp>

namespace oc::lua {

/// In a debug hook: takes the hook away and raises `text` at the innermost line that is the script's own; oc's
/// modules are called "[oc/…]". Does not return.
void raise_here(lua_State* state, const char* text);

}  // namespace oc::lua
