--- What to say to mistakes that people make at a prompt: a line for each.

local commands = require "oc.repl.commands"
local errors = require "oc.errors"
local foreign = require "oc.foreign"
local handles = require "oc.handle"
local is_aggregate = require("oc.aggregate.core").is
local members = require "oc.repl.members"
local mistakes = require "oc.repl.mistakes"
local names = require "oc.repl.names"
local nearest = require "oc.nearest"
local scan = require("oc.repl.scan").scan

local M = {}

-- What there is -----------------------------------------------------------------------------------

--- Names that can be said, for "did you mean".
local function known_names(env)
  local of_script = (getmetatable(env) or {}).names
  local found = of_script and of_script() or { "trace", "machine" }
  for name in next, env do
    if type(name) == "string" and not name:find("^_") then found[#found + 1] = name end
  end
  return found
end

local function is_known(session, name)
  if members.value_of(session.env, name) ~= nil then return true end
  return name == "trace" or name == "m" or name == "machine"
end

local function has(list, name)
  for _, each in ipairs(list) do if each == name then return true end end
  return false
end

--- The event that is called so, with or without what stands before its colon.
local function event_named(session, name)
  local ok, events = pcall(names.events, session)
  for _, event in ipairs(ok and events or {}) do
    if event == name and event:find(":", 1, true) or event:match(":([%w_]+)$") == name then
      return event
    end
  end
end

local function is_stock_script(name)
  return has(require("oc.verbs.script").stock_names(), name)
end

-- Names that mean nothing -------------------------------------------------------------------------

--- What a name that nothing is called may have been meant to be.
---@param name string
---@param session oc.repl.Session
---@param source string the line
---@return string?
local function of_name(name, session, source)
  local event = event_named(session, name)
  local said = foreign.word(name) or mistakes.of_word(name, source)
    or event and ('names of events are texts: "%s"'):format(event)
  if said then return said end
  if has(commands.names(), name) then
    return (".%s is a command: it begins with a dot"):format(name)
  elseif is_stock_script(name) then
    return (".run %s runs that script here"):format(name)
  end
  return #name > 1 and nearest.hint(name, known_names(session.env)) or nil
end

--- Whether a line has a variable of its own that is called so.
local function is_of_line(source, name)
  local word = "%f[%w_]" .. name .. "%f[^%w_]"
  return source:find("local[^=\n]-" .. word) or source:find("function[^(]*%([^)]-" .. word)
    or source:find("%f[%w_]for%s[%w_,%s]-" .. word .. "[%w_,%s]-%f[%w_]in%f[%W]")
    or source:find("%f[%w_]for%s+" .. name .. "%s*=")
end

--- Of a call that got nil: the name in it that has no quotes, or means nothing.
local function of_bare_names(session, source)
  local event, unknown = scan(source).strings[1], nil
  for _, name in ipairs(mistakes.bare_names(source)) do
    if not is_known(session, name) and not is_of_line(source, name) then
      unknown = unknown or name
      local ok, fields = pcall(names.fields, session, event or "")
      if ok and has(fields, name) then return ('names of fields are texts: "%s"'):format(name) end
      local hint = of_name(name, session, source)
      if hint then return hint end
    end
  end
  return unknown and ("nothing is called '%s' here"):format(unknown)
end

-- Methods -----------------------------------------------------------------------------------------

local function calls_itself(source, behind, base)
  return source:find("^%s*%(%s*" .. base .. "%s*[,)]", behind)
end

local function has_method(value, name)
  if handles.is(value) then return name == "on" or name == "off" end
  if is_aggregate(value) then return type(value[name]) == "function" end
  local class = members.class_of(value)
  return class ~= nil and type(rawget(class, name)) == "function"
end

--- Whether what stands there is in no quotes and no comment.
local function is_code(source, at)
  local state = scan(source:sub(1, at))
  return not state.quote and not state.in_comment
end

--- A method that is called with a dot, where a line says so: it would get the wrong self.
---@param source string
---@param session oc.repl.Session
---@return string? base
---@return string? name
---@return integer? at where its dot stands
local function dot_call(source, session)
  local from = 1
  while true do
    local first, last, base, name = source:find("%f[%w_.:]([%a_][%w_]*)%.([%a_][%w_]*)%s*%f[({\"']",
      from)
    if not first then break end
    from = last + 1
    local value = members.value_of(session.env, base)
    local is_meant = has_method(value, name) and not calls_itself(source, from, base)
      and not is_of_line(source, base)
    if is_meant and is_code(source, first) then return base, name, first + #base end
  end
  for at, name in source:gmatch("()%.([%a_][%w_]*)%s*%f[({\"']") do
    local class, call = members.class_of_result(session.env, source:sub(1, at - 1))
    if class and type(rawget(class, name)) == "function" and is_code(source, at) then
      return call .. "{…}", name, at
    end
  end
end

--- An error where a line calls a method with a dot; nil where none does.
---@param source string
---@param line integer its first
---@param session oc.repl.Session
---@return oc.Error?
function M.of_dot_call(source, line, session)
  local base, name, at = dot_call(source, session)
  if not base then return nil end
  local _, before = source:sub(1, at):gsub("\n", "")
  local err = errors.make(("%s:%d: '%s' is a method: it is called with a colon"):format(
    session.name, line + before, name))
  err.hint, err.token = ("%s:%s(…)"):format(base, name), name
  return err
end

--- "attempt to call method 'top'": the nearest that there is.
local function of_method(err, session, source)
  local name = err.message:match("^attempt to call method '([%w_]+)'")
  if not name then return nil end
  local base = source:match("([%a_][%w_]*)%s*:%s*" .. name)
  local value = base and members.value_of(session.env, base)
  if value == nil then
    if not source:find("[\"')%]]%s*:%s*" .. name) then return nil end
    value = source:find("[\"']%)?%s*:%s*" .. name) and "" or nil
  end
  if value == nil then return nil end
  local known = members.of(value)
  return nearest.hint(name, known)
    or #known > 0 and #known <= 20 and "it has: " .. table.concat(known, ", ") or nil
end

local lists = { trace = "trace", machine = "machine", samples = "query", graph = "graph",
  oc = "oc", handle = "handle", sample = "samples" }

--- "a trace has no 'foo'", and nothing is near.
local function of_member(err)
  local what = err.message:match("^an? (%a+) has no '") or err.message:match("^(%a+) have no '")
    or err.message:match("^(%a+) has no '")
  return what and lists[what] and ('help "%s" lists what there is'):format(lists[what]) or nil
end

-- Errors ------------------------------------------------------------------------------------------

local function of_global(err, session, source)
  local name = err.message:match("global '([%w_]+)' %(a nil value%)")
  if not name then return nil end
  if name == "quit" or name == "exit" then
    return ("'%s' without brackets ends the session"):format(name)
  end
  return of_name(name, session, source) or ("nothing is called '%s' here"):format(name)
end

local function of_values(err, session, source)
  local message = err.message
  if message:find("^attempt to perform arithmetic on a string") then
    return 'texts are joined by "a" .. "b", and filled in by ("%d events"):format(n)'
  elseif message:find("is a nil$") or message:find("expected, got nil%)$")
    or message:find("wants a value behind", 1, true)
    or message:find("wants the name of an event", 1, true)
    or message:find("wants names of groups", 1, true) then
    return of_bare_names(session, source)
  elseif message:find("wants a function%(e%)$") then
    return 'as in on("sched:sched_switch", function(e) print(e.comm) end)'
  elseif message:find("^attempt to index global '[%w_]+' %(a function value%)") then
    local name = message:match("'([%w_]+)'")
    return ("%s is a function: %s(…)"):format(name, name)
  elseif message:find("^attempt to call a table value")
    and source:find("%a%s*[\"'][^\"']*[\"']%s*[\"'{(]") then
    return 'several arguments stand in brackets: count("sched:sched_switch", "comm")'
  end
end

--- Misuse that only our own files led to has none of the user's lines: what was asked is what
--- matters. What Lua itself raises there is a fault of ours, and keeps its place.
local function hide_place(err, line)
  if not (err.file and err.file:find("^%[oc/")) then return end
  if not err.chunk then
    err.hint = err.hint or "oc failed there: it takes no argument of this kind, or it is wrong"
    return
  end
  err.file, err.line, err.chunk = nil, nil, nil
  if line then err.message = "that cannot be asked so: " .. err.message end
end

--- Adds what may help to an error of a line.
---@param err oc.Error
---@param session oc.repl.Session
---@param source? string the input
---@param line? integer its first line
---@return oc.Error
function M.add(err, session, source, line)
  hide_place(err, line)
  local _, more = (source or ""):gsub("\n", "")
  local is_of_input = source and (not err.line
    or err.file == session.name and err.line >= line and err.line <= line + more)
  if not is_of_input then source = "" end
  local bare = of_values(err, session, source)
  if bare and (not err.hint or not err.message:find("arithmetic")) then
    err.hint = bare
    return err
  end
  if err.hint then return err end
  local is_line = source ~= "" and more == 0
  err.hint = is_line and mistakes.of_valid(source, err.message)
    or of_global(err, session, source) or of_method(err, session, source)
    or of_member(err) or nil
  return err
end

--- For a bare name that nothing is called.
---@param source string
---@param session oc.repl.Session
---@return string?
function M.of_nothing(source, session)
  local name = source:match("^%s*([%a_][%w_]*)%s*$") or source:match("^%s*([%a_][%w_]*)%s+%-%-%a")
  if not name or name == "nil" or is_known(session, name) then return nil end
  return of_name(name, session, source) or ("nothing is called '%s' here"):format(name)
end

--- For a line that does nothing, though it was meant to.
---@param source string
---@return string?
function M.of_statement(source)
  local name = source:match("^%s*local%s+function%s+([%a_][%w_]*)")
    or source:match("^%s*local%s+([%a_][%w_]*)")
  if name and not source:find("[;\n]") then
    return ("'%s' ends with its line: without 'local' it stays"):format(name)
  elseif source:find("^%s*%-%-%a[%w-]*[=%s]?[%w:]*%s*$") then
    return "that is a comment; options are for the command line: oc help repl"
  end
end

-- Syntax ------------------------------------------------------------------------------------------

local function of_brackets(problem)
  local near = problem:match("'<eof>' expected near '([^']+)'")
    or problem:match("unexpected symbol near '([%)}%]])'")
  if near == "end" or near == ")" or near == "}" or near == "]" then
    return ("one '%s' too many, or one of what it ends is missing"):format(near)
  end
  local missing = problem:match("'([^']+)' expected near '<eof>'")
    or problem:match("'([^']+)' expected %(to close")
  return missing and ("a '%s' is missing"):format(missing) or nil
end

--- A hint for a text that is no Lua.
---@param source string
---@param problem string Lua's
---@param session oc.repl.Session
---@return string?
function M.of_syntax(source, problem, session)
  local foreign_text = mistakes.of_text(source)
  if foreign_text then return foreign_text end
  local open = scan(source)
  if open.quote and #open.quote == 1 then return ("a %s is missing"):format(open.quote) end
  local event = mistakes.bare_event(source)
  if event then
    local known = foreign.event(event)
    return known or ("names of events are texts: \"%s\""):format(event)
  end
  local first = source:match("^%s*([%a_][%w_]*)")
  if first and not mistakes.keywords[first] and not is_known(session, first) then
    local word, rest = source:match("^%s*([%a_][%w_]*)%s*(.-)%s*$")
    if has(commands.names(), first) and not rest:find("^[=(]") then
      return (".%s %s, with a dot"):format(word, rest)
    end
    local said = mistakes.of_word(first, source)
    if said then return said end
  end
  if first and not mistakes.keywords[first] and source:find("^%s*[%a_][%w_]*%s+[%w\"'/.-]") then
    return ("a function is called with brackets: %s(…)"):format(first)
  end
  return of_brackets(problem)
end

--- An error of the syntax with its hint.
---@param problem string of Lua
---@param source string
---@param session oc.repl.Session
---@return oc.Error
function M.syntax_error(problem, source, session)
  local err = errors.make(problem)
  err.hint = M.of_syntax(source, err.message, session)
  return err
end

return M
