#pragma once

#include <lua.hpp>

#include <cstddef>
#include <cstdint>

namespace oc::lua {

/// Counts what a Lua state allocates (cdata too), and keeps it below a limit.
///
///     used   0 ───────── half ── 60 % ── … ── limit ───────────────── wall
///                        │ the collector is told to hurry              │ an allocation fails:
///                        └ and begins                 │                │ "not enough memory"
///                                                     └ at the next interpreted instruction: all garbage
///                                                       is collected; if that does not help, an
///                                                       error with the script's line
///
/// Compiled code comes to an interpreted instruction when a collection cycle ends (lj_gc_step_jit), which
/// hurrying makes soon. The wall is for what asks for much at once: such an error has no line, as
/// LuaJIT calls no handler for it (lj_err_mem). Behind the first error there is some more, so that results
/// can be shown.
///
/// The allocator is LuaJIT's own behind a counter: 1 ns a call. The limit is looked up when a state
/// first has 64 MiB, so that it costs a start nothing. Outlives the state; main thread only.
class ScriptMemory {
 public:
  ScriptMemory() = default;
  ScriptMemory(const ScriptMemory&) = delete;
  ScriptMemory& operator=(const ScriptMemory&) = delete;

  /// From now on all allocations are counted.
  void attach(lua_State* state);
  /// Gives the state its allocator back: to be done before it is closed.
  void detach();

  /// `bytes` 0: none.
  void set_limit(uint64_t bytes);
  uint64_t limit();
  uint64_t used() const { return used_; }
  /// An allocation was refused, or the limit was told to the script.
  bool was_exceeded() const { return was_exceeded_; }
  /// Allows a little more than the limit, to show results.
  void open_reserve();

 private:
  static void* allocate(void* self, void* block, size_t old_size, size_t new_size);
  static void check_in_hook(lua_State* state, lua_Debug* where);
  void cross_mark();
  void find_default();

  lua_State* state_ = nullptr;
  lua_Alloc allocate_ = nullptr;  ///< LuaJIT's own, with its argument
  void* argument_ = nullptr;
  uint64_t used_ = 0;
  uint64_t mark_ = uint64_t{64} << 20;  ///< above it something is to be done
  uint64_t limit_ = 0;                  ///< 0: none
  uint64_t soft_ = ~uint64_t{0};        ///< above it the script is stopped
  uint64_t wall_ = ~uint64_t{0};        ///< above it allocations fail
  bool is_found_ = false;               ///< limit_ was given or looked up
  bool was_exceeded_ = false;
};

/// Registers memory(), memory_limit(bytes), memory_reserve() in the table on top of the stack.
void add_memory_functions(lua_State* state, ScriptMemory& memory);

}  // namespace oc::lua
