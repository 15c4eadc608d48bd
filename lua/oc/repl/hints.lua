--- What to say to mistakes that people make at a prompt.

local errors = require "oc.errors"
local foreign = require "oc.foreign"
local nearest = require "oc.nearest"
local scan = require("oc.repl.scan").scan

local M = {}

--- Names that can be said, for "did you mean".
local function known_names(env)
  local of_script = (getmetatable(env) or {}).names
  local names = of_script and of_script() or { "trace", "machine" }
  for name in next, env do
    if type(name) == "string" and not name:find("^_") then names[#names + 1] = name end
  end
  return names
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do keywords[word] = true end

local sql = { select = true, insert = true, update = true, show = true, describe = true,
  from = true }

local HOW = 'as in count("sched:sched_switch", "comm"); .help tells more'

--- An event's name that stands outside of quotes.
local function bare_event(source)
  for word in source:gmatch("[%a_][%w_]*:[%a_][%w_]*") do
    local found = scan(source:sub(1, source:find(word, 1, true)))
    if not found.quote and not source:find(word .. "%s*[({\"']") then return word end
  end
end

--- A hint for a text that is no Lua.
---@param source string
---@return string?
function M.of_syntax(source)
  local first = source:match("^%s*([%a_]+)")
  if first and sql[first:lower()] and source:find("^%s*%a+%s+[%w*]") then
    return "this is Lua, not SQL: " .. HOW
  end
  if source:find("^%s*%a+:[%w_:*]*%s*/?.-/?%s*{") or source:find("@[%w_]*%[") then
    return "bpftrace's words are functions here: " .. HOW
  end
  local open = scan(source)
  if open.quote and #open.quote == 1 then return ("a %s is missing"):format(open.quote) end
  local event = bare_event(source)
  if event then return ("names of events are texts: \"%s\""):format(event) end
  if source:find("!=", 1, true) then return "'not equal' is ~= in Lua" end
  if source:find("[%w%])]%s*[+%-]=") or source:find("%+%+") then
    return "Lua has no += and no ++: x = x + 1"
  end
  if source:find("&&", 1, true) or source:find("||", 1, true) then
    return "Lua says 'and', 'or', 'not'; in the text of a filter && and || are right"
  end
  if first and not keywords[first] and source:find("^%s*[%a_]+%s+[%w\"'/.-]") then
    return ("a function is called with brackets: %s(…)"):format(first)
  end
end

--- Adds what may help to an error of a line.
---@param err oc.Error
---@param env table
---@return oc.Error
function M.add(err, env)
  if err.hint then return err end
  local name = err.message:match("global '([%w_]+)' %(a nil value%)")
  if name == "quit" or name == "exit" then
    err.hint = ("'%s' without brackets ends the session"):format(name)
  elseif name and #name > 1 then
    err.hint = foreign.word(name) or nearest.hint(name, known_names(env))
  end
  return err
end

--- For a bare name that nothing is called.
---@param source string
---@param env table
---@return string?
function M.of_nothing(source, env)
  local name = source:match("^%s*([%a_][%w_]*)%s*$")
  if not name or name == "nil" or rawget(env, name) ~= nil then return nil end
  return foreign.word(name) or nearest.hint(name, known_names(env))
end

--- What is a mistake of a session, though it is Lua.
---@param source string
---@return string?
function M.of_local(source)
  local name = source:match("^%s*local%s+function%s+([%a_][%w_]*)")
    or source:match("^%s*local%s+([%a_][%w_]*)")
  if not name or source:find("[;\n]") then return nil end
  return ("'%s' ends with its line: without 'local' it stays"):format(name)
end

--- An error of the syntax with its hint.
---@param problem string of Lua
---@param source string
---@return oc.Error
function M.syntax_error(problem, source)
  local err = errors.make(problem)
  err.hint = M.of_syntax(source)
  return err
end

return M
