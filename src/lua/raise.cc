#include "lua/raise.h"

#include <string_view>

namespace oc::lua {

void raise_here(lua_State* state, const char* text) {
  lua_sethook(state, nullptr, 0, 0);
  lua_Debug place;
  for (int level = 0; lua_getstack(state, level, &place) != 0; ++level) {
    lua_getinfo(state, "Sl", &place);
    const std::string_view source = place.source;
    if (place.currentline <= 0 || source.starts_with("=[") || source.size() < 2) continue;
    lua_pushfstring(state, "%s:%d: %s", place.source + 1, place.currentline, text);
    lua_error(state);
  }
  lua_pushstring(state, text);
  lua_error(state);
}

}  // namespace oc::lua
