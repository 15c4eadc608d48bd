#include "lua/embedded.h"

#include <catch2/catch.hpp>
#include <lua.hpp>
#include <memory>
#include <string>

using oc::lua::EmbeddedFile;
using oc::lua::kEmbedded;
using oc::lua::kEmbeddedCount;

namespace {

using State = std::unique_ptr<lua_State, decltype(&lua_close)>;

State make_state() {
  State state(luaL_newstate(), lua_close);
  luaL_openlibs(state.get());
  return state;
}

struct Chunk {
  std::string source;
  int last_line = 0;
};

/// Loads a chunk, and what its debug information says of it.
Chunk load(lua_State* state, const char* bytes, size_t size, const std::string& name) {
  INFO(name);
  REQUIRE(luaL_loadbuffer(state, bytes, size, name.c_str()) == 0);
  lua_Debug info{};
  lua_pushvalue(state, -1);
  REQUIRE(lua_getinfo(state, ">S", &info) == 1);
  Chunk chunk{info.source, info.lastlinedefined};
  lua_pop(state, 1);
  return chunk;
}

}  // namespace

TEST_CASE("the bytecode of every module loads here, with the name and the lines of its text") {
  const State state = make_state();
  REQUIRE(luaL_dostring(state.get(), "return jit.version") == 0);
  REQUIRE(std::string(lua_tostring(state.get(), -1)) == oc::lua::kCodeIsFor);
  size_t modules = 0;
  for (size_t i = 0; i < kEmbeddedCount; ++i) {
    const EmbeddedFile& file = kEmbedded[i];
    const std::string name = file.name;
    if (name.rfind("lua/", 0) != 0) continue;
    const std::string chunk = "=[" + name.substr(4) + "]";
    const Chunk code = load(state.get(), file.code, file.code_bytes, "=other");
    const Chunk text = load(state.get(), file.text, file.size_bytes, chunk);
    CHECK(code.source == chunk);
    CHECK(code.source == text.source);
    CHECK(code.last_line == text.last_line);
    ++modules;
  }
  CHECK(modules > 50);
}

TEST_CASE("what is no module is carried as text alone") {
  const EmbeddedFile* header = oc::lua::find_embedded("abi/session.h");
  REQUIRE(header != nullptr);
  CHECK(header->size_bytes > 0);
  CHECK(header->code_bytes == 0);
  CHECK(oc::lua::find_embedded("lua/oc/nothing.lua") == nullptr);
}
