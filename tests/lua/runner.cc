// Runs test files written in Lua, with the C face linked in and `require` as in the real program:
// modules below lua/, and require "abi/NAME.h" gives the text of that header.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <lua.hpp>
#include <memory>
#include <string>

#include "abi/host.h"

namespace {

struct CloseState {
  void operator()(lua_State* state) const { lua_close(state); }
};

std::string source_root() {
  const char* root = std::getenv("OC_SOURCE_ROOT");
  return root != nullptr ? root : ".";
}

int return_upvalue(lua_State* state) {
  lua_pushvalue(state, lua_upvalueindex(1));
  return 1;
}

/// A package searcher: "abi/NAME.h" loads as a function that returns the header's text.
int find_header(lua_State* state) {
  const char* name = luaL_checkstring(state, 1);
  const size_t length = std::strlen(name);
  if (length < 2 || std::strcmp(name + length - 2, ".h") != 0) return 0;
  std::ifstream file(source_root() + "/src/" + name);
  if (!file) {
    lua_pushfstring(state, "\n\tno header '%s'", name);
    return 1;
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  lua_pushlstring(state, text.data(), text.size());
  lua_pushcclosure(state, return_upvalue, 1);
  return 1;
}

/// host.text(name): the text of a file below the source's root, or nil.
int host_text(lua_State* state) {
  std::ifstream file(source_root() + "/" + luaL_checkstring(state, 1));
  if (!file) return 0;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  lua_pushlstring(state, text.data(), text.size());
  return 1;
}

/// host.read_config(path): there are no files that set options.
int host_read_config(lua_State*) { return 0; }

/// "oc.host" as src/lua/state.cc preloads it, as far as tests need it.
void preload_host(lua_State* state, oc_host& host) {
  lua_getglobal(state, "package");
  lua_getfield(state, -1, "loaded");
  lua_newtable(state);
  lua_pushlightuserdata(state, &host);
  lua_setfield(state, -2, "pointer");
  lua_pushcfunction(state, host_text);
  lua_setfield(state, -2, "text");
  lua_pushcfunction(state, host_read_config);
  lua_setfield(state, -2, "read_config");
  lua_setfield(state, -2, "oc.host");
  lua_pop(state, 2);
}

void prepare(lua_State* state) {
  luaL_openlibs(state);
  lua_getglobal(state, "package");
  const std::string root = source_root();
  lua_pushstring(
      state,
      (root + "/lua/?.lua;" + root + "/lua/?/init.lua;" + root + "/tests/lua/?.lua;").c_str());
  lua_getfield(state, -2, "path");  // LuaJIT's own modules: jit.v
  lua_concat(state, 2);
  lua_setfield(state, -2, "path");
  lua_getfield(state, -1, "loaders");
  lua_pushcfunction(state, find_header);
  lua_rawseti(state, -2, static_cast<int>(lua_objlen(state, -2)) + 1);
  lua_pop(state, 2);
}

int trace_back(lua_State* state) {
  if (lua_tostring(state, 1) == nullptr && luaL_callmeta(state, 1, "__tostring") == 0) {
    lua_pushliteral(state, "an error that is no text");
  }
  luaL_traceback(state, state, lua_tostring(state, -1), 1);
  return 1;
}

double check_count(lua_State* state, const char* field) {
  lua_getglobal(state, "require");
  lua_pushliteral(state, "check");
  double value = 0;
  if (lua_pcall(state, 1, 1, 0) == 0 && lua_istable(state, -1)) {
    lua_getfield(state, -1, field);
    value = lua_tonumber(state, -1);
  }
  lua_settop(state, 0);
  return value;
}

/// Runs one file in a state of its own. A test file must check something; a bench (no "_test") need
/// not.
bool run(const char* path) {
  oc_host host;  // outlives the state
  const std::unique_ptr<lua_State, CloseState> state(luaL_newstate());
  if (state == nullptr) return false;
  prepare(state.get());
  preload_host(state.get(), host);
  lua_pushcfunction(state.get(), trace_back);
  if (luaL_loadfile(state.get(), path) != 0 || lua_pcall(state.get(), 0, 0, 1) != 0) {
    std::fprintf(stderr, "%s\n", lua_tostring(state.get(), -1));
    return false;
  }
  lua_settop(state.get(), 0);
  if (std::strstr(path, "_test.lua") == nullptr) return true;
  const double checks = check_count(state.get(), "count");
  const double failures = check_count(state.get(), "failures");
  std::printf("%s: %.0f checks, %.0f failed\n", path, checks, failures);
  return checks > 0 && failures == 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool all_good = argc > 1;
  for (int i = 1; i < argc; ++i) all_good = run(argv[i]) && all_good;
  return all_good ? 0 : 1;
}
