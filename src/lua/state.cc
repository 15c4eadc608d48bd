#include "lua/state.h"

#include <algorithm>
#include <string_view>

#include "base/trusted_file.h"
#include "lua/embedded.h"
#include "lua/prompt_calls.h"

namespace oc::lua {

namespace {

int push_text(lua_State* state, std::string_view text) {
  lua_pushlstring(state, text.data(), text.size());
  return 1;
}

std::string_view text_of(const EmbeddedFile& file) { return {file.text, file.size_bytes}; }

/// Loads a module: its bytecode where this LuaJIT is the one that made it, otherwise its text.
bool load_module(lua_State* state, const EmbeddedFile& file) {
  const std::string chunk = std::string("=[") + (file.name + 4) + "]";
  if (lua_toboolean(state, lua_upvalueindex(1)) != 0) {
    if (luaL_loadbuffer(state, file.code, file.code_bytes, chunk.c_str()) == 0) return true;
    lua_pop(state, 1);
  }
  return luaL_loadbuffer(state, file.text, file.size_bytes, chunk.c_str()) == 0;
}

/// package.loaders entry: "oc.trace" → lua/oc/trace.lua or lua/oc/trace/init.lua; "abi/table.h" → a
/// module whose value is that text. Upvalue: whether bytecode can be loaded.
int find_module(lua_State* state) {
  std::string name = luaL_checkstring(state, 1);
  if (name.size() > 2 && name.ends_with(".h")) {
    const auto* header = find_embedded(name);
    if (header == nullptr) return push_text(state, "\n\tno header '" + name + "' in the program");
    push_text(state, text_of(*header));
    lua_pushcclosure(
        state, [](lua_State* inner) { return lua_pushvalue(inner, lua_upvalueindex(1)), 1; }, 1);
    return 1;
  }
  std::replace(name.begin(), name.end(), '.', '/');
  for (const std::string& path : {"lua/" + name + ".lua", "lua/" + name + "/init.lua"}) {
    const auto* file = find_embedded(path);
    if (file == nullptr) continue;
    return load_module(state, *file) ? 1 : lua_error(state);
  }
  return push_text(state, "\n\tno module '" + name + "' in the program");
}

/// Whether the LuaJIT that runs is the one that compiled the modules.
bool can_load_code(lua_State* state) {
  lua_getglobal(state, "jit");
  lua_getfield(state, -1, "version");
  const bool can =
      lua_isstring(state, -1) && std::string_view(lua_tostring(state, -1)) == kCodeIsFor;
  lua_pop(state, 2);
  return can;
}

/// host.text(name): an embedded text, or nil.
int host_text(lua_State* state) {
  const auto* file = find_embedded(luaL_checkstring(state, 1));
  return file == nullptr ? 0 : push_text(state, text_of(*file));
}

/// host.files(): the names of all embedded texts.
int host_files(lua_State* state) {
  lua_createtable(state, static_cast<int>(kEmbeddedCount), 0);
  for (size_t i = 0; i < kEmbeddedCount; ++i) {
    lua_pushstring(state, kEmbedded[i].name);
    lua_rawseti(state, -2, static_cast<int>(i + 1));
  }
  return 1;
}

/// host.read_config(path): the text; nil when there is no such file; nil and a sentence when it is left
/// out. Root does not follow a file that others may have written.
int host_read_config(lua_State* state) {
  const std::string path = luaL_checkstring(state, 1);
  auto text = base::read_trusted(path);
  if (text) return push_text(state, *text);
  lua_pushnil(state);
  if (text.error().code == base::Code::kNotFound) return 1;
  return 1 + push_text(state, text.error().what);
}

ProgressBar& bar_of(lua_State* state) {
  return *static_cast<ProgressBar*>(lua_touserdata(state, lua_upvalueindex(1)));
}

/// host.bar_start(), host.bar_stop(), host.bar_begin_write(), host.bar_end_write(at_line_start)
const luaL_Reg kBarFunctions[] = {
    {"bar_start", [](lua_State* state) { return bar_of(state).start(), 0; }},
    {"bar_stop", [](lua_State* state) { return bar_of(state).stop(), 0; }},
    {"bar_begin_write", [](lua_State* state) { return bar_of(state).begin_write(), 0; }},
    {"bar_end_write",
     [](lua_State* state) { return bar_of(state).end_write(lua_toboolean(state, 1) != 0), 0; }},
    {nullptr, nullptr}};

int add_traceback(lua_State* state) {
  if (!lua_isstring(state, 1)) return 1;
  luaL_traceback(state, state, lua_tostring(state, 1), 1);
  return 1;
}

}  // namespace

State::State(oc_host& host) : bar_(host), prompt_(host), state_(luaL_newstate(), Closer{&memory_}) {
  memory_.attach(raw());
  luaL_openlibs(raw());
  lua_getglobal(raw(), "package");
  lua_getfield(raw(), -1, "loaders");
  // After package.preload (1) and before the files (2…): oc's own modules cannot be replaced by files.
  for (int i = static_cast<int>(lua_objlen(raw(), -1)); i >= 2; --i) {
    lua_rawgeti(raw(), -1, i);
    lua_rawseti(raw(), -2, i + 1);
  }
  lua_pushboolean(raw(), can_load_code(raw()) ? 1 : 0);
  lua_pushcclosure(raw(), find_module, 1);
  lua_rawseti(raw(), -2, 2);
  lua_pop(raw(), 2);
  preload_host(host);
}

void State::preload_host(oc_host& host) {
  lua_getglobal(raw(), "package");
  lua_getfield(raw(), -1, "loaded");
  lua_newtable(raw());
  lua_pushlightuserdata(raw(), &host);
  lua_setfield(raw(), -2, "pointer");
  const luaL_Reg functions[] = {{"text", host_text},
                                {"files", host_files},
                                {"read_config", host_read_config},
                                {nullptr, nullptr}};
  luaL_setfuncs(raw(), functions, 0);
  lua_pushlightuserdata(raw(), &bar_);
  luaL_setfuncs(raw(), kBarFunctions, 1);
  add_memory_functions(raw(), memory_);
  add_prompt_calls(raw(), prompt_);
  lua_setfield(raw(), -2, "oc.host");
  lua_pop(raw(), 2);
}

base::Result<int> State::run(const std::string& verb, const std::vector<std::string>& arguments) {
  lua_settop(raw(), 0);
  lua_pushcfunction(raw(), add_traceback);
  lua_getglobal(raw(), "require");
  lua_pushliteral(raw(), "oc.verbs");
  int failed = lua_pcall(raw(), 1, 1, 1);
  if (failed == 0) {
    lua_getfield(raw(), -1, "run");
    push_text(raw(), verb);
    lua_createtable(raw(), static_cast<int>(arguments.size()), 0);
    for (size_t i = 0; i < arguments.size(); ++i) {
      push_text(raw(), arguments[i]);
      lua_rawseti(raw(), -2, static_cast<int>(i + 1));
    }
    failed = lua_pcall(raw(), 2, 1, 1);
  }
  if (failed != 0) {
    const char* text = lua_tostring(raw(), -1);
    return base::make_error(base::Code::kSystem,
                            text != nullptr ? text : "an error that is not a text",
                            "this is a fault of oc itself: please report it with the lines above");
  }
  return static_cast<int>(lua_tointeger(raw(), -1));
}

}  // namespace oc::lua
