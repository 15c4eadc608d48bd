#pragma once

#include <lua.hpp>

#include <memory>
#include <string>
#include <vector>

#include "abi/host.h"
#include "base/result.h"
#include "lua/progress_bar.h"
#include "lua/prompt_calls.h"
#include "lua/script_memory.h"

namespace oc::lua {

/// A Lua state with oc's embedded modules, and the one call from the command line into it.
///
/// The C API is used to start a verb and for nothing else: from then on Lua pulls through the C ABI.
/// `host` outlives the state.
class State {
 public:
  explicit State(oc_host& host);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Runs `require("oc.verbs").run(verb, arguments)`; the result is the program's exit status.
  /// An Error means that the runtime itself failed: scripts' errors are handled inside.
  base::Result<int> run(const std::string& verb, const std::vector<std::string>& arguments);

  lua_State* raw() { return state_.get(); }

 private:
  struct Closer {
    ScriptMemory* memory;
    void operator()(lua_State* state) const {
      memory->detach();
      lua_close(state);
    }
  };
  void preload_host(oc_host& host);

  ProgressBar bar_;
  Prompt prompt_;
  ScriptMemory memory_;
  std::unique_ptr<lua_State, Closer> state_;
};

}  // namespace oc::lua
