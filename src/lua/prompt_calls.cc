#include "lua/prompt_calls.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace oc::lua {

namespace {

// Lua's errors jump over C++ frames: arguments are checked before anything is made that has to end.

Prompt& prompt_of(lua_State* state) {
  return *static_cast<Prompt*>(lua_touserdata(state, lua_upvalueindex(1)));
}

int push_string(lua_State* state, const std::string& text) {
  lua_pushlstring(state, text.data(), text.size());
  return 1;
}

/// A text argument. Owned by Lua: no object of ours, whatever raises.
struct Text {
  const char* data;
  size_t size;
  explicit operator std::string() const { return {data, size}; }
};

Text text_at(lua_State* state, int index) {
  Text text{};
  text.data = luaL_checklstring(state, index, &text.size);
  return text;
}

int push_failure(lua_State* state, const base::Error& error) {
  lua_pushnil(state);
  return 1 + push_string(state, error.what);
}

const char* name_of(Got got) {
  switch (got) {
    case Got::kIdle:
      return "idle";
    case Got::kLine:
      return "line";
    case Got::kComplete:
      return "complete";
    case Got::kEnd:
      return "end";
    case Got::kInterrupt:
      return "interrupt";
    case Got::kSignal:
      return "signal";
  }
  return "idle";
}

int prompt_open(lua_State* state) {
  Prompt& prompt = prompt_of(state);
  if (lua_toboolean(state, 1) != 0 && !prompt.editor) {
    auto editor = LineEditor::open(prompt.host);
    if (editor) {
      prompt.editor = std::move(*editor);
    } else {
      prompt.reader.emplace(prompt.host, STDIN_FILENO);
      lua_pushboolean(state, 0);
      return 1 + push_string(state, editor.error().what);
    }
  }
  if (!prompt.editor && !prompt.reader) prompt.reader.emplace(prompt.host, STDIN_FILENO);
  lua_pushboolean(state, prompt.editor ? 1 : 0);
  return 1;
}

int prompt_begin(lua_State* state) {
  const Text text = text_at(state, 1);
  Prompt& prompt = prompt_of(state);
  if (prompt.editor) {
    prompt.editor->begin(std::string(text));
  } else {
    std::fflush(stdout);
    std::fwrite(text.data, 1, text.size, stderr);
  }
  return 0;
}

int prompt_next(lua_State* state) {
  const int wait_ms = static_cast<int>(luaL_checkinteger(state, 1));
  Prompt& prompt = prompt_of(state);
  if (!prompt.editor && !prompt.reader) return 0;
  const Got got = prompt.editor ? prompt.editor->next(wait_ms) : prompt.reader->next(wait_ms);
  lua_pushstring(state, name_of(got));
  if (got == Got::kEnd && prompt.reader && prompt.reader->problem() != 0) {
    lua_pushstring(state, std::strerror(prompt.reader->problem()));
    return 2;
  }
  if (got != Got::kLine && got != Got::kComplete) return 1;
  push_string(state, prompt.editor ? prompt.editor->text() : prompt.reader->line());
  lua_pushinteger(state, prompt.editor ? static_cast<lua_Integer>(prompt.editor->cursor()) : 0);
  return 3;
}

int prompt_replace(lua_State* state) {
  const auto characters = luaL_checkinteger(state, 1);
  const Text text = text_at(state, 2);
  auto& editor = prompt_of(state).editor;
  if (editor) editor->replace(static_cast<size_t>(characters), std::string(text));
  return 0;
}

int prompt_above(lua_State* state) {
  const Text text = text_at(state, 1);
  auto& editor = prompt_of(state).editor;
  if (editor) {
    editor->print_above(std::string(text));
  } else {
    std::fwrite(text.data, 1, text.size, stdout);
  }
  return 0;
}

int prompt_text(lua_State* state) {
  const Text text = text_at(state, 1);
  auto& editor = prompt_of(state).editor;
  if (editor) editor->set_prompt(std::string(text));
  return 0;
}

int prompt_aside_begin(lua_State* state) {
  lua_pushboolean(state, prompt_of(state).aside.begin() ? 1 : 0);
  return 1;
}

int prompt_aside_end(lua_State* state) { return push_string(state, prompt_of(state).aside.end()); }

int prompt_beep(lua_State* state) {
  auto& editor = prompt_of(state).editor;
  if (editor) editor->beep();
  return 0;
}

int prompt_remember(lua_State* state) {
  const Text text = text_at(state, 1);
  Prompt& prompt = prompt_of(state);
  if (prompt.editor) prompt.editor->remember(std::string(text));
  if (!prompt.history) return 0;
  auto status = prompt.history->add(std::string(text));
  if (status) return 0;
  prompt.history.reset();  // told once
  return push_string(state, status.error().what);
}

int prompt_end(lua_State* state) {
  auto& editor = prompt_of(state).editor;
  if (editor) editor->end();
  return 0;
}

int history_open(lua_State* state) {
  Prompt& prompt = prompt_of(state);
  const std::string path = HistoryFile::default_path();
  if (path.empty() || !prompt.editor) return 0;
  prompt.history.emplace(path);
  auto entries = prompt.history->load();
  if (!entries) {
    prompt.history.reset();
    return push_string(state, entries.error().what);
  }
  for (const std::string& entry : *entries) prompt.editor->remember(entry);
  return 0;
}

int pipe_begin(lua_State* state) {
  const Text command = text_at(state, 1);
  auto status = prompt_of(state).pipe.begin(std::string(command));
  if (!status) return push_failure(state, status.error());
  lua_pushboolean(state, 1);
  return 1;
}

int pipe_end(lua_State* state) {
  lua_pushinteger(state, prompt_of(state).pipe.end());
  return 1;
}

const luaL_Reg kPromptFunctions[] = {{"prompt_open", prompt_open},
                                     {"prompt_begin", prompt_begin},
                                     {"prompt_next", prompt_next},
                                     {"prompt_replace", prompt_replace},
                                     {"prompt_above", prompt_above},
                                     {"prompt_text", prompt_text},
                                     {"prompt_aside_begin", prompt_aside_begin},
                                     {"prompt_aside_end", prompt_aside_end},
                                     {"prompt_beep", prompt_beep},
                                     {"prompt_remember", prompt_remember},
                                     {"prompt_end", prompt_end},
                                     {"history_open", history_open},
                                     {"pipe_begin", pipe_begin},
                                     {"pipe_end", pipe_end},
                                     {nullptr, nullptr}};

}  // namespace

void add_prompt_calls(lua_State* state, Prompt& prompt) {
  lua_pushlightuserdata(state, &prompt);
  luaL_setfuncs(state, kPromptFunctions, 1);
}

}  // namespace oc::lua
