#include "lua/script_memory.h"

#include "abi/script_limits.h"
#include "lua/raise.h"

namespace oc::lua {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kNone = ~uint64_t{0};
constexpr int kHurry = 1000;      // LUA_GCSETSTEPMUL: collects ten times as fast as is allocated
constexpr int kUsual = 200;       // LuaJIT's own stepmul and pause
constexpr uint64_t kEnough = 95;  // percent of the limit: what a full collection has to come below

}  // namespace

void ScriptMemory::attach(lua_State* state) {
  state_ = state;
  allocate_ = lua_getallocf(state, &argument_);
  used_ = static_cast<uint64_t>(lua_gc(state, LUA_GCCOUNT, 0)) * 1024;
  lua_setallocf(state, allocate, this);
}

void ScriptMemory::detach() {
  if (state_ != nullptr) lua_setallocf(state_, allocate_, argument_);
  state_ = nullptr;
}

void* ScriptMemory::allocate(void* self, void* block, size_t old_size, size_t new_size) {
  ScriptMemory& memory = *static_cast<ScriptMemory*>(self);
  const uint64_t used = memory.used_ + new_size - old_size;
  if (used > memory.mark_ && new_size > old_size) {
    memory.cross_mark();
    if (used > memory.wall_) {
      memory.was_exceeded_ = true;
      return nullptr;
    }
    // A signal's hook goes first; ours is set by a later allocation.
    if (used > memory.soft_ && lua_gethook(memory.state_) == nullptr) {
      lua_sethook(memory.state_, check_in_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    }
  }
  void* result = memory.allocate_(memory.argument_, block, old_size, new_size);
  if (result != nullptr || new_size == 0) memory.used_ = used;
  return result;
}

/// Within an allocation: only what stores a number in the state may be called.
void ScriptMemory::cross_mark() {
  if (!is_found_) find_default();
  if (limit_ == 0) {
    mark_ = kNone;
    return;
  }
  if (used_ < limit_ / 2) {
    mark_ = limit_ / 2;
    lua_gc(state_, LUA_GCSETPAUSE, kUsual);
    lua_gc(state_, LUA_GCSETSTEPMUL, kUsual);
    return;
  }
  const uint64_t tenth = limit_ / 10;
  mark_ = tenth == 0 ? used_ : (used_ / tenth + 1) * tenth;
  if (mark_ > soft_) mark_ = soft_;
  // The next cycle begins when nine tenths of the limit are used, this one at once.
  const uint64_t pause = used_ == 0 ? kUsual : limit_ / 10 * 9 / (used_ / 100 + 1);
  lua_gc(state_, LUA_GCSETPAUSE,
         static_cast<int>(pause < 100      ? 100
                          : pause > kUsual ? kUsual
                                           : pause));
  lua_gc(state_, LUA_GCSETSTEPMUL, kHurry);
  lua_gc(state_, LUA_GCRESTART, 0);
}

void ScriptMemory::check_in_hook(lua_State* state, lua_Debug*) {
  void* argument = nullptr;
  if (lua_getallocf(state, &argument) != allocate) return;
  ScriptMemory& memory = *static_cast<ScriptMemory*>(argument);
  lua_sethook(state, nullptr, 0, 0);
  lua_gc(state, LUA_GCCOLLECT, 0);
  if (memory.used_ < memory.soft_ / 100 * kEnough) {
    memory.mark_ = 0;  // look anew
    return;
  }
  memory.was_exceeded_ = true;
  memory.open_reserve();
  raise_here(state, "the script's memory is used up (--memory)");
}

void ScriptMemory::set_limit(uint64_t bytes) {
  is_found_ = true;
  limit_ = bytes;
  mark_ = bytes == 0 ? kNone : 0;
  soft_ = bytes == 0 ? kNone : bytes;
  wall_ = bytes == 0 ? kNone : bytes + bytes / 4 + 16 * kMiB;
}

void ScriptMemory::open_reserve() {
  if (limit_ == 0) return;
  soft_ = limit_ + limit_ / 4 + 16 * kMiB;
  wall_ = limit_ + limit_ / 2 + 32 * kMiB;
  mark_ = 0;
}

void ScriptMemory::find_default() { set_limit(abi::default_script_memory()); }

uint64_t ScriptMemory::limit() {
  if (!is_found_) find_default();
  return limit_;
}

namespace {

ScriptMemory& memory_of(lua_State* state) {
  return *static_cast<ScriptMemory*>(lua_touserdata(state, lua_upvalueindex(1)));
}

/// host.memory(): bytes in use, the limit (0: none), whether that was exceeded
int memory_numbers(lua_State* state) {
  ScriptMemory& memory = memory_of(state);
  lua_pushnumber(state, static_cast<lua_Number>(memory.used()));
  lua_pushnumber(state, static_cast<lua_Number>(memory.limit()));
  lua_pushboolean(state, memory.was_exceeded());
  return 3;
}

int set_memory_limit(lua_State* state) {
  memory_of(state).set_limit(static_cast<uint64_t>(luaL_checknumber(state, 1)));
  return 0;
}

int open_memory_reserve(lua_State* state) {
  memory_of(state).open_reserve();
  return 0;
}

}  // namespace

void add_memory_functions(lua_State* state, ScriptMemory& memory) {
  const luaL_Reg functions[] = {{"memory", memory_numbers},
                                {"memory_limit", set_memory_limit},
                                {"memory_reserve", open_memory_reserve},
                                {nullptr, nullptr}};
  lua_pushlightuserdata(state, &memory);
  luaL_setfuncs(state, functions, 1);
}

}  // namespace oc::lua
