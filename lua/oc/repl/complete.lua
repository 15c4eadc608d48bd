--- How a line could go on: names of Lua and our objects, of events, fields, processes, functions,
--- files.
--
--     count("sched:sched_sw|      events            e.next_|          fields of the line's event
--     count("exec", "co|          fields            m:samp|           methods
--     samples { symbol = "pa|     functions         .load my|         files

local cells = require "oc.cells"
local commands = require "oc.repl.commands"
local members = require "oc.repl.members"
local names = require "oc.repl.names"
local reference = require "oc.reference"
local scan = require("oc.repl.scan").scan
local shell = require "oc.repl.shell"

local M = {}

local MOST_LISTED = 200

---@class oc.repl.Answer
---@field erase integer characters before the cursor
---@field insert string
---@field list? string[] candidates, when several are left

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function",
  "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" }

local is_keyword = {}
for _, word in ipairs(keywords) do is_keyword[word] = true end

-- Answers -----------------------------------------------------------------------------------------

local function common_beginning(a, b)
  local length = 0
  while length < #a and length < #b and a:byte(length + 1) == b:byte(length + 1) do
    length = length + 1
  end
  while length > 0 and (a:byte(length + 1) or 0) >= 0x80 and (a:byte(length + 1) or 0) < 0xc0 do
    length = length - 1  -- not within a character
  end
  return a:sub(1, length)
end

--- Of sorted names those that begin with a prefix: what all share is inserted, or they are listed.
---@param sorted string[]
---@param prefix string
---@param behind string what follows a name that is the only one
---@return oc.repl.Answer
local function answer(sorted, prefix, behind)
  local first, last = names.range(sorted, prefix)
  if last < first then return { erase = 0, insert = "" } end
  if first == last then return { erase = 0, insert = sorted[first]:sub(#prefix + 1) .. behind } end
  local shared = common_beginning(sorted[first], sorted[last])
  if #shared > #prefix then return { erase = 0, insert = shared:sub(#prefix + 1) } end
  local list = {}
  for i = first, math.min(last, first + MOST_LISTED - 1) do list[#list + 1] = sorted[i] end
  if last - first + 1 > MOST_LISTED then
    list[#list + 1] = ("… %d more"):format(last - first + 1 - MOST_LISTED)
  end
  return { erase = 0, insert = "", list = list }
end

--- Candidates side by side.
---@param list string[]
---@param width integer of the terminal
---@return string
function M.columns(list, width)
  local widest, shown = 0, {}
  for i, name in ipairs(list) do
    local clean, cell_width = cells.clean(name)
    shown[i] = { clean, cell_width }
    widest = math.max(widest, cell_width)
  end
  local across = math.max(1, math.floor(width / (widest + 2)))
  local down = math.ceil(#list / across)
  local out = {}
  for row = 1, down do
    local line = {}
    for i = row, #list, down do
      line[#line + 1] = shown[i][1] .. (" "):rep(widest + 2 - shown[i][2])
    end
    out[row] = table.concat(line):gsub(" +$", "")
  end
  return table.concat(out, "\n") .. "\n"
end

-- Words of Lua ------------------------------------------------------------------------------------

--- The event that a callback's `e` is of: the last event named before.
local function event_of(state)
  for i = #state.strings, 1, -1 do
    if state.strings[i]:find("^[%a][%w_%-]*:?[%w_%-]*$") then return state.strings[i] end
  end
end

--- The options that a table takes which is open at the end, where a key may stand.
local function option_names(state)
  local call = state.calls[#state.calls]
  if not call or call.bracket ~= "{" or call.key or not call.name then return {} end
  local name, method = call.name, call.name:match(":([%w_]+)$")
  if method == "print" then name = "counter:print" end
  local found = reference.options_of(name)
  if #found == 0 and method then found = reference.options_of(method) end
  return names.sorted(found)
end

local function of_code(session, before, state)
  local base, separator, word = before:match("([%a_][%w_.]*)([.:])([%a_]?[%w_]*)$")
  if base then
    local value = members.value_of(session.env, base)
    local of_event = value ~= nil and members.event_of(value)
    if of_event then return answer(names.fields(session, of_event), word, "") end
    if value ~= nil then
      return answer(members.of(type(value) == "string" and "" or value), word, "")
    end
    local event = separator == "." and event_of(state)
    if not event then return nil end
    return answer(names.fields(session, event), word, "")
  end
  local call, of_class = before:match("^(.*[%)}%]\"'])%s*[:.]([%a_]?[%w_]*)$")
  if call then
    local class = members.class_of_result(session.env, call)
    return class and answer(members.of(class), of_class, "")
  end
  word = before:match("[%a_][%w_]*$") or ""
  local options = option_names(state)
  local first, last = names.range(options, word)
  if first <= last then return answer(options, word, " = ") end
  local found = { unpack(keywords) }
  members.add_keys(found, session.env)
  local of_script = (getmetatable(session.env) or {}).names
  for _, each in ipairs(of_script and of_script() or {}) do found[#found + 1] = each end
  found[#found + 1] = "trace"
  if session.path then found[#found + 1] = "m" end
  return answer(names.sorted(found), word, "")
end

-- Files -------------------------------------------------------------------------------------------

--- Files whose path begins so.
local function files(prefix)
  local found = {}
  local folder, start = prefix:match("^(.*/)([^/]*)$")
  folder, start = folder or "", start or prefix
  local list = io.popen("LC_ALL=C ls -1pa -- " .. shell.quoted(folder == "" and "." or folder)
    .. " 2>/dev/null")
  for name in list and list:lines() or function() end do
    local hidden = name:sub(1, 1) == "." and start:sub(1, 1) ~= "."
    local is_meant = name:sub(1, #start) == start and not hidden and not name:find("%c")
    if is_meant then found[#found + 1] = folder .. name end
  end
  if list then list:close() end
  return names.sorted(found)
end

--- The same for a word of a shell's line: what a shell would not take as one word is quoted. The
--- quotes stay open as long as the path may go on.
---@param line string from where the shell's begins
---@return oc.repl.Answer
local function of_shell(line)
  local word = shell.last_word(line)
  local found = {}
  for _, path in ipairs(files(word.value)) do
    if path:sub(1, 1) ~= "-" then found[#found + 1] = path end  -- would be an option
  end
  local first, last = names.range(found, word.value)
  if last < first then return { erase = 0, insert = "" } end
  local path = common_beginning(found[first], found[last])
  if first < last and path == word.value then return answer(found, path, "") end
  if word.is_plain and shell.is_plain(path) then
    return { erase = 0, insert = path:sub(#word.value + 1) }
  end
  local quoted = shell.quoted(path)
  if first < last or path:sub(-1) == "/" then quoted = quoted:sub(1, -2) end
  local characters = select(2, word.typed:gsub("[^\128-\191]", ""))
  return { erase = characters, insert = quoted }
end

-- Texts -------------------------------------------------------------------------------------------

local of_event = { on = true, has = true, event = true, count = true, sum = true, stats = true,
  hist = true, quantiles = true, topk = true }

local groups = names.sorted { "comm", "cpu", "function", "kind", "line", "module", "process",
  "stack", "symbol", "thread", "time:1ms", "time:10ms", "time:100ms", "time:1s" }

local of_key = {
  comm = names.comms, symbol = names.symbols, focus = names.symbols, callers = names.symbols,
  callees = names.symbols, module = names.modules, kind = names.events,
}

--- All that a text could be, where nothing tells.
local function anything(session, prefix)
  for _, list in ipairs { names.events(session), names.comms(session), names.symbols(session) } do
    local first, last = names.range(list, prefix)
    if first <= last then return list end
  end
  return {}
end

local function scenario_names()
  local found = {}
  for i, each in ipairs(require("oc.scenario").all()) do found[i] = each.name end
  return found
end

local function in_text(session, before, state)
  local prefix = before:sub(state.string_at)
  local call = state.calls[#state.calls]
  local outer = state.calls[#state.calls - 1]
  local bare = before:sub(1, state.string_at - 2):match("([%a_][%w_]*)%s*$")  -- use "sysc
  if bare and not is_keyword[bare] then
    call, outer = { bracket = "(", name = bare, argument = 1, strings = {} }, call
  end
  local method = call and call.name and call.name:match("([%a_][%w_]*)$")
  local close = #state.quote == 1 and state.quote or ""
  if call and call.bracket == "{" and call.key == "filter" then
    local event = outer and outer.strings[1] or event_of(state)
    local word = prefix:match("[%w_]*$")
    return event and answer(names.fields(session, event), word, "")
  elseif call and call.bracket == "{" and of_key[call.key] then
    return answer(of_key[call.key](session), prefix, close)
  elseif method == "help" then
    return answer(names.sorted(reference.names()), prefix, close)
  elseif method == "use" then
    return answer(names.sorted(scenario_names()), prefix, close)
  elseif method == "export" then
    return answer(files(prefix), prefix, "")
  elseif method == "by" then
    return answer(groups, prefix, close)
  elseif method == "focus" then
    return answer(names.symbols(session), prefix, close)
  elseif of_event[method] and (call.argument == 1 or call.bracket == "{") then
    return answer(names.events(session), prefix, close)
  elseif of_event[method] and call.strings[1] then
    return answer(names.fields(session, call.strings[1]), prefix, close)
  end
  return answer(anything(session, prefix), prefix, close)
end

-- Commands ----------------------------------------------------------------------------------------

local function of_command(session, before)
  local word = before:match("^%s*%.([%w_]*)$")
  if word then return answer(commands.names(), word, " ") end
  local command, argument = before:match("^%s*%.([%w_]+)%s+(.-)$")
  local piped = command and command ~= "run" and argument:match("|(.*)$")
  if piped then return of_shell(piped) end
  local kind = command and commands.completes(command)
  if kind == "file" then return answer(files(argument), argument, "") end
  if kind == "help" then
    return answer(names.sorted(reference.names()), argument, "")
  end
  if kind == "event" then return answer(names.events(session), argument, "") end
  if kind == "script" and not argument:find("%s") then
    return answer(require("oc.verbs.script").stock_names(), argument, " ")
  elseif kind == "script" then
    return of_shell(argument)
  end
end

--- The answer to Tab; nil when there is none.
---@param session oc.repl.Session
---@param text string
---@param cursor integer bytes before it
---@return oc.repl.Answer?
function M.answer(session, text, cursor)
  local before = text:sub(1, cursor)
  if before:find("^%s*%.") and commands.is_command(before) then
    return of_command(session, before)
  end
  local help_of = before:match("^%s*%?%s*([%w_.:]*)$") or before:match("^%s*help%s+([%w_.:]+)$")
  if help_of then return answer(names.sorted(reference.names()), help_of, "") end
  local command = before:match("^%s*!(.*)$")
  if command then return of_shell(command) end
  -- What was typed before this line belongs to it, where the input is not whole yet.
  local state = scan(before)
  if state.pipe then return of_shell(before:sub(state.pipe + 1)) end
  if state.in_comment then return nil end
  if state.quote then return in_text(session, before, state) end
  return of_code(session, before, state)
end

return M
