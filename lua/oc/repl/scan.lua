--- A line of Lua as far as it was typed: where its strings and calls are, where it is piped to.
--
--     count("sched:sched_sw          an open string, the first argument of a call of `count`
--     c:rows() | sort                `|` is nothing in Lua, so behind it stands a shell's command

local M = {}

---@class oc.repl.Call an open bracket
---@field bracket string "(", "{" or "["
---@field name? string what is called: "count", "trace:on", "m:samples"
---@field argument integer which of its arguments the end is in
---@field strings table<integer, string> the arguments that are texts
---@field key? string of a table: the key whose value the end is in

---@class oc.repl.Scan
---@field pipe? integer where the first "|" stands that is code
---@field quote? string what closes the string that is open at the end
---@field string_at? integer where its text begins
---@field in_comment boolean
---@field calls oc.repl.Call[] the innermost last
---@field strings string[] all texts that are closed, in their order

local closing = { ["("] = ")", ["{"] = "}", ["["] = "]" }
local is_closing = { [")"] = true, ["}"] = true, ["]"] = true }

--- The end of a long string or comment from `at` ("[[" or "[==["); nil when it is none.
local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  return at + #level + 2, "]" .. level .. "]"
end

local function string_ended(state, content)
  state.strings[#state.strings + 1] = content
  local call = state.calls[#state.calls]
  if call then call.strings[call.argument] = content end
end

--- Behind a quote: the place behind the string, nil when it is open.
local function skip_quoted(state, text, at, quote)
  local from = at + 1
  local place = from
  while true do
    local found = text:find("[\\" .. quote .. "\n]", place)
    if not found or text:sub(found, found) == "\n" then
      state.quote, state.string_at = quote, from
      return nil
    end
    if text:sub(found, found) == quote then
      string_ended(state, text:sub(from, found - 1))
      return found + 1
    end
    place = found + 2
  end
end

local function skip_long(state, text, at, close, is_comment)
  local found, last = text:find(close, at, true)
  if found then
    if not is_comment then string_ended(state, text:sub(at, found - 1)) end
    return last + 1
  end
  state.in_comment = is_comment
  if not is_comment then state.quote, state.string_at = close, at end
  return nil
end

local function skip_comment(state, text, at)
  local from, close = long_bracket(text, at + 2)
  if from then return skip_long(state, text, from, close, true) end
  local ended = text:find("\n", at, true)
  state.in_comment = not ended
  return ended
end

local function open(state, text, at, bracket)
  local name = bracket ~= "[" and text:sub(1, at - 1):match("([%a_][%w_.:]*)%s*$") or nil
  local outer = state.calls[#state.calls]
  if not name and bracket == "{" and outer and outer.bracket == "(" then name = outer.name end
  state.calls[#state.calls + 1] = { bracket = bracket, name = name, argument = 1, strings = {} }
end

---@param text string
---@return oc.repl.Scan
function M.scan(text)
  local state = { calls = {}, strings = {}, in_comment = false }
  local at = 1
  while at do
    at = text:find("[\"'%[%](){}|,=%-]", at)
    if not at then break end
    local c = text:sub(at, at)
    local from, close
    if c == "[" then from, close = long_bracket(text, at) end
    local call = state.calls[#state.calls]
    if c == '"' or c == "'" then
      at = skip_quoted(state, text, at, c)
    elseif from then
      at = skip_long(state, text, from, close, false)
    elseif c == "-" and text:sub(at, at + 1) == "--" then
      at = skip_comment(state, text, at)
    else
      if closing[c] then
        open(state, text, at, c)
      elseif is_closing[c] then
        state.calls[#state.calls] = nil
      elseif c == "," and call then
        call.argument, call.key = call.argument + 1, nil
      elseif c == "=" and call and call.bracket == "{" then
        call.key = text:sub(1, at - 1):match("([%a_][%w_]*)%s*$")
      elseif c == "|" then
        state.pipe = state.pipe or at
      end
      at = at + 1
    end
  end
  return state
end

return M
