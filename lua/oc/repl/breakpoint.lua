--- `oc.repl()`: a script stops, and lines see its variables.
--
--     oc.repl()                 -- in its body, a function, a callback
--     repl> e.next_comm         -- local variables, upvalues, then what is global there
--     repl> limit = 10          -- sets the local variable, or the upvalue
--
-- Variables are read and set where they are, on the stack: their place is counted from its bottom,
-- for what a line calls lies above it.

local C = require "oc.abi"
local changes = require "oc.changes"
local errors = require "oc.errors"
local host = require "oc.host"
local nearest = require "oc.nearest"
local session_of = require "oc.session"
local settings = require "oc.settings"
local units = require "oc.units"

local host_pointer = session_of.host_pointer
local BESIDE_A_RUN = 2
local SIGINT = 2

local M = {}

-- Variables ---------------------------------------------------------------------------------------

local function depth()
  local count = 1
  while debug.getinfo(count + 1, "l") do count = count + 1 end
  return count - 1  -- without this function
end

---@class oc.repl.Frame a function that stopped
---@field func function
---@field from_bottom integer
---@field thread? thread
local Frame = {}
Frame.__index = Frame

--- Its level for whoever calls this; nil in another coroutine.
function Frame:level()
  if coroutine.running() ~= self.thread then return nil end
  return depth() - self.from_bottom - 1
end

--- Slot and value of a local variable: of two with a name the inner one.
function Frame:find_local(name)
  local level = self:level()
  if not level then
    errors.misuse("local variables of the script cannot be seen from a coroutine")
  end
  local slot, value, i = nil, nil, 1
  while true do
    local known, held = debug.getlocal(level, i)
    if not known then return slot, value, level end
    if known == name then slot, value = i, held end
    i = i + 1
  end
end

function Frame:find_upvalue(name)
  local i = 1
  while true do
    local known, held = debug.getupvalue(self.func, i)
    if not known then return nil end
    if known == name then return i, held end
    i = i + 1
  end
end

--- Names of all that can be seen, for completion and hints.
function Frame:names()
  local found, level, i = {}, self:level(), 1
  while level do
    local name = debug.getlocal(level, i)
    if not name then break end
    if name:find("^[%a_]") then found[#found + 1] = name end
    i = i + 1
  end
  i = 1
  while true do
    local name = debug.getupvalue(self.func, i)
    if not name then return found end
    if name ~= "" then found[#found + 1] = name end
    i = i + 1
  end
end

--- It may have been meant to be another, or one that the script does not use here.
local function tell_new(frame, name, value)
  if type(value) == "function" then return end
  local near = nearest.hint(name, frame:names())
  io.stderr:write(("oc: the script has no variable '%s' here: this one is of these lines alone%s\n")
    :format(tostring(name), near and "; " .. near or ""))
end

--- What lines see: a table that holds only what they made themselves.
local function environment(frame, own)
  local globals = getfenv(frame.func)
  return setmetatable({}, {
    __index = function(_, name)
      if type(name) == "string" then
        local slot, value = frame:find_local(name)
        if slot then return value end
        slot, value = frame:find_upvalue(name)
        if slot then return value end
      end
      local value = globals[name]
      if value ~= nil then return value end
      return own[name]
    end,
    __newindex = function(env, name, value)
      local slot, _, level = frame:find_local(name)
      if slot then
        debug.setlocal(level - 1, slot, value)
        return
      end
      slot = frame:find_upvalue(name)
      if slot then
        debug.setupvalue(frame.func, slot, value)
      elseif globals[name] ~= nil then
        globals[name] = value
      else
        rawset(env, name, value)
        tell_new(frame, name, value)
      end
    end,
    names = function() return frame:names() end,
  })
end

-- Where -------------------------------------------------------------------------------------------

local function is_own(info) return info.what == "C" or info.source:find("^=%[oc") ~= nil end

--- What a function is that oc called: what it was registered for.
local function name_of_callback(fn)
  local trace = changes.running_trace()
  for _, entry in ipairs(trace and trace._registered or {}) do
    if entry.fn == fn then return ("in the callback of %s"):format(entry.name) end
  end
  return "in a callback"
end

--- The calls that led there, the innermost first; oc's own are left out.
local function calls(level)
  local lines = {}
  while true do
    local info = debug.getinfo(level, "Slnf")
    if not info then break end
    if not is_own(info) and info.currentline > 0 then
      local caller = debug.getinfo(level + 1, "S")
      local what = info.what == "main" and "in its body"
        or caller and is_own(caller) and caller.what ~= "C" and name_of_callback(info.func)
        or info.name and "in " .. info.name or "in a function"
      lines[#lines + 1] = ("%s:%d %s"):format(errors.file_of(info.source), info.currentline, what)
    end
    level = level + 1
  end
  return lines
end

local function where_object(lines)
  local text = table.concat(lines, "\n")
  return setmetatable({}, { __tostring = function() return text end,
    __call = function() return text end })
end

-- Stopping ----------------------------------------------------------------------------------------

--- What becomes of a live trace's events while lines are typed.
local function of_live(trace)
  if not trace or trace:is_recorded() then return nil end
  local spool = trace:stats().spool
  if spool then
    return ("the trace goes on: events wait in memory, up to %s"):format(
      units.format_size(spool.limit_bytes))
  end
  return "events wait in the kernel's rings, and what does not fit is lost: --spool SIZE keeps more"
end

local said_no_input = false

--- Ends the run at hand, whose end hooks are called; in the body, the script.
local function stop_script(is_of_session)
  local trace = changes.running_trace()
  settings.is_stopped = not is_of_session
  if trace and trace._is_fed_by_run then return trace:stop() end
  C.oc_host_interrupt()
end

--- Whether the script is about to end, so that nobody is asked any more. A Ctrl-C that ended a run
--- has done what it was for once that run is over.
local function is_ending()
  if settings.is_stopped then return true end
  local signal = C.oc_host_interrupted(host_pointer)
  return signal ~= 0 and (signal ~= SIGINT or changes.running_trace() ~= nil)
end

--- Reads and runs lines until the script is to go on. `level`: of the function that stops, for the
--- caller.
---@param level integer
function M.stop(level)
  if is_ending() then return end
  if settings.stdin_is_script then
    if not said_no_input then io.stderr:write("oc: oc.repl(): standard input is the script\n") end
    said_no_input = true
    return
  end
  if settings.leave_prompt then settings.leave_prompt() end
  local info = debug.getinfo(level + 1, "Slf")
  local frame = setmetatable({ func = info.func, thread = coroutine.running(),
    from_bottom = depth() - level - 1 }, Frame)
  local lines = calls(level + 1)
  local env = environment(frame, { where = where_object(lines), backtrace = where_object(lines),
    help = require("oc.reference").help, trace = changes.running_trace() })
  host.bar_stop()
  local before = C.oc_host_interactive(host_pointer, BESIDE_A_RUN)
  C.oc_host_begin_line(host_pointer)  -- what ended a run before is not for the first line
  local loop = require("oc.repl").new { prompt = "repl> ", env_table = env, quiet = settings.quiet }
  if loop.is_interactive then
    io.stdout:write("stopped at ", lines[1] or "?",
      "; Ctrl-D or .continue goes on, .help tells more\n")
    local waits = of_live(changes.running_trace())
    if waits then io.stdout:write(waits, "\n") end
  end
  loop.where = lines
  loop:go()
  host.prompt_end()
  loop.session:close()
  C.oc_host_interactive(host_pointer, before)
  if loop.wants_stop then stop_script(before ~= 0) end
end

return M
