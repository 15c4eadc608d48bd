#pragma once

#include <lua.hpp>

#include <memory>
#include <optional>
#include <string>

#include "abi/host.h"
#include "lua/aside.h"
#include "lua/history_file.h"
#include "lua/line_editor.h"
#include "lua/line_reader.h"
#include "lua/shell_pipe.h"

namespace oc::lua {

/// Where lines come from: the terminal with an editor, or standard input as it is. Opened when Lua asks.
struct Prompt {
  explicit Prompt(oc_host& host) : host(host) {}

  oc_host& host;
  std::unique_ptr<LineEditor> editor;
  std::optional<LineReader> reader;
  std::optional<HistoryFile> history;
  ShellPipe pipe;
  Aside aside;
};

/// Adds to the table on top of the stack what `oc.repl` pulls at; `prompt` outlives the state.
///
///     host.prompt_open(wants_editor)      → true: with an editor; false and why not. Then prompt_… are:
///     host.prompt_begin(prompt)           an empty line; a reader shows the prompt if it is not ""
///     host.prompt_next(ms)                → "idle" "line" "complete" "end" "interrupt" "signal", text,
///                                           cursor (bytes before it); "end" and why, if it is a fault
///     host.prompt_replace(n, text)        takes n characters before the cursor away, inserts
///     host.prompt_above(text)             whole lines above the one that is typed
///     host.prompt_text(prompt)            another prompt
///     host.prompt_aside_begin()           → false where it cannot; what is written is kept until
///     host.prompt_aside_end()             → it
///     host.prompt_beep()
///     host.prompt_remember(line)          into the history, and its file
///     host.prompt_end()                   gives the terminal back
///     host.history_open()                 → a sentence when it cannot be kept
///     host.pipe_begin(command)            → true, or nil and a sentence; stdout goes to it until
///     host.pipe_end()                     → its exit status
void add_prompt_calls(lua_State* state, Prompt& prompt);

}  // namespace oc::lua
