--- A session of lines on this machine: one trace, which goes on while somebody types.
--
--     first question, or -e → start ─┬─ between two keys: feed; what it prints goes above the line
--                                    ├─ a line adds, changes, takes away callbacks; looks
--                                    └─ Ctrl-D, the command's end, -d → finish
--
-- A thread collects meanwhile (docs/design/live.md), so a line may take its time.

local C = require "oc.abi"
local changes = require "oc.changes"
local errors = require "oc.errors"
local host = require "oc.host"
local report = require "oc.report"
local session = require "oc.session"
local settings = require "oc.settings"
local traces = require "oc.trace"

local host_pointer = session.host_pointer
local IN_HOST = 0
local MOST_NS = 2e7       -- of feeding between two looks at the keyboard
local WAIT_MS = 50        -- between two times of feeding, where nothing is left
local STATUS_NS = 1e9
local WORTH_TELLING = 0.25  -- of the spool's limit

local M = {}

---@class oc.repl.Live
---@field begin_feeding fun() called before callbacks run
---@field started? oc.Trace the trace that runs, or ran
---@field has_ended boolean
---@field was_left? boolean the prompt has to begin anew: a callback had one
local Live = {}
Live.__index = Live

local function complain(text) io.stderr:write("oc: ", (text:gsub("\n$", "")), "\n") end

-- Starting ----------------------------------------------------------------------------------------

--- Samples can be asked for where the session was begun for them.
local function wants_machine(asked) return asked.stacks ~= nil and asked.stacks ~= "none" end

local function open()
  local asked = settings.run.asked or {}
  return traces.open { machine = wants_machine(asked) or nil }
end

--- What was asked for on the command line is counted at least.
local function count_asked(self, trace)
  local asked, names = settings.run.asked or {}, trace.events
  if #names == 0 and (asked.frequency or asked.period or wants_machine(asked)) then
    names = { "cpu" }
  end
  for _, name in ipairs(names) do
    local seen = { name = name, count = 0 }
    trace:on(name, function() seen.count = seen.count + 1 end)
    self.asked[#self.asked + 1] = seen
  end
end

--- The trace at hand: the one that runs, or one that is to be started.
---@return oc.Trace
function Live:trace()
  if self.has_ended then
    errors.misuse("the trace has ended", {
      hint = ".restart begins another; what was counted can still be looked at" })
  end
  if self.started then return self.started end
  if not self._next or self._next._ran then self._next = open() end
  return self._next
end

--- For names of events and fields: a trace that nobody starts.
---@return oc.Trace
function Live:trace_of_names()
  if not self._names then
    self._names = traces.open {}
    traces.forget(self._names)
  end
  return self._names
end

--- Forgets what a line that failed began to ask for.
function Live:drop()
  if self._next then traces.forget(self._next) end
  self._next = nil
end

--- How much was asked for by now.
---@return integer
function Live:registered()
  local trace = self.started or self._next
  return trace and #trace._registered + #trace._timers + #trace._at_end or 0
end

--- Starts the trace when there is something to run it for.
function Live:start_if_asked()
  local trace = self._next
  if self.started or not trace or trace._ran or not trace:has_callbacks() then return end
  self._next = nil
  trace:start { interactive = true }
  self.started, self._status, self._looked_at = trace, nil, nil
  self:feed()
end

--- Starts at once where the command line says what to trace.
function Live:begin()
  count_asked(self, self:trace())
  self:start_if_asked()
end

--- After the end: the next question begins anew.
function Live:restart()
  if self.started and not self.has_ended then self:finish() end
  self.started, self.has_ended, self.asked = nil, false, {}
  self:begin()
end

-- Going on ----------------------------------------------------------------------------------------

local function why_ended(trace)
  local words = settings.run.command
  if words and #words > 0 then
    local status = trace:command_status()
    local how = status and status ~= 0 and " with status " .. status or ""
    return ("the command has ended%s; what was gathered can be asked, .restart runs it again")
      :format(how)
  end
  return "the trace has ended; what was gathered can be asked, .restart begins another"
end

local function ended(self, problem)
  self.has_ended, self._counted = true, self.started:counted()
  if not self.started._is_over then
    local ok, err = pcall(self.started.finish, self.started)
    problem = problem or not ok and err or nil
  end
  io.stdout:flush()
  io.stderr:write(settings.errors:summary())
  if problem then complain(errors.render(errors.make(problem), settings.read_source)) end
  complain(why_ended(self.started))
end

--- Gives callbacks what has come, for a moment at most.
---@return boolean has_more there is more of it
function Live:feed()
  if not self.started or self.has_ended then return false end
  self.begin_feeding()
  local deadline = C.oc_now_ns() + MOST_NS
  local ok, count
  -- A signal is for the line, and not for what lies between batches.
  local before = C.oc_host_doing(host_pointer, IN_HOST)
  repeat
    ok, count = pcall(self.started.feed, self.started, 0)
  until not ok or not count or count == 0 or C.oc_now_ns() >= deadline
  if not ok or not count then ended(self, not ok and count or nil) end
  C.oc_host_doing(host_pointer, before)
  return ok and count ~= false and count > 0
end

--- Between two keys: what callbacks print goes above the line that is typed.
---@param has_editor boolean
function Live:idle(has_editor)
  if not self.started or self.has_ended then return end
  self._is_aside, self._has_editor = has_editor and host.prompt_aside_begin(), has_editor
  self.was_left = false
  settings.leave_prompt = function() self:leave_prompt() end
  local ok, has_more = pcall(self.feed, self)
  settings.leave_prompt, self._has_more = nil, ok and has_more
  self:show_aside()
  if not ok then error(has_more, 0) end
end

--- Puts what callbacks wrote above the line that is typed.
function Live:show_aside()
  io.stdout:flush()
  if not self._is_aside then return end
  self._is_aside = false
  local text = host.prompt_aside_end()
  if text == "" then return end
  host.prompt_above(text:sub(-1) == "\n" and text or text .. "\n")
end

--- A callback has questions of its own (oc.repl): the line that is typed is given up for them.
function Live:leave_prompt()
  self:show_aside()
  if not self._has_editor then return end
  host.prompt_end()
  io.stdout:write("\n")
  self.was_left = true
end

--- How long to wait for a key until `idle` has something to do.
function Live:wait_ms() return self._has_more and not self.has_ended and 0 or WAIT_MS end

local function short_number(number)
  if number < 1000 then return ("%.0f"):format(number) end
  if number < 1e6 then return ("%.1fk"):format(number / 1e3) end
  return ("%.1fM"):format(number / 1e6)
end

--- Before the prompt: "live 1.2k/s lost 34", anew each second.
---@return string
function Live:status()
  if not self.started then return "" end
  if self.has_ended then return "ended" end
  local now = C.oc_now_ns()
  if self._looked_at and now - self._looked_at < STATUS_NS then return self._status end
  local stats = self.started:stats()
  local rate = self._looked_at
    and (stats.events - self._events) / ((now - self._looked_at) / 1e9) or 0
  self._looked_at, self._events = now, stats.events
  local text = ("live %s/s"):format(short_number(rate))
  local spool = stats.spool
  if spool and spool.bytes > spool.limit_bytes * WORTH_TELLING then
    text = text .. (" waiting %.0f%%"):format(100 * spool.bytes / spool.limit_bytes)
  end
  if stats.lost > 0 then text = text .. (" lost %.0f"):format(stats.lost) end
  self._status = text
  return text
end

-- Asking ------------------------------------------------------------------------------------------

--- `live(value, "1s")`.
function Live:watch(value, period, options)
  self:start_if_asked()
  if not self.started then
    errors.misuse("nothing runs that could change this", { token = "live",
      hint = 'as in live(count("sched:sched_switch", "comm"))' })
  end
  if self.has_ended then self:trace() end  -- says so
  self.begin_feeding()
  self.started:live(value, period, options)
end

--- Samples and processes of what has come so far.
---@return oc.Machine
function Live:machine()
  local trace = self.started
  if not trace then trace = self:trace() end
  if not trace._options.machine then
    errors.misuse("this session keeps no samples", {
      hint = "start it with stacks: oc repl -g, or oc repl -g -e EVENT" })
  elseif not trace._ran then
    errors.misuse("nothing runs yet", { hint = 'as in count("cpu", "comm")' })
  end
  return trace:machine()
end

--- What runs, as `changes.events` gives it.
function Live:events()
  local trace = self.started
  return trace and changes.events(trace, self.has_ended and (self._counted or {}) or nil) or {}
end

-- Ending ------------------------------------------------------------------------------------------

--- Ends the trace: what has happened until now is delivered, end hooks are called, losses told.
function Live:finish()
  if not self.started or self.has_ended then return end
  self.has_ended, self._counted = true, self.started:counted()
  self.begin_feeding()
  local before = C.oc_host_doing(host_pointer, IN_HOST)
  local ok, err = pcall(self.started.finish, self.started)
  C.oc_host_doing(host_pointer, before)
  io.stdout:flush()
  io.stderr:write(settings.errors:summary())
  if not ok then complain(errors.render(errors.make(err), settings.read_source)) end
  report.lost = math.max(report.lost, self.started:stats().lost)
end

--- `begin_feeding()` is called before callbacks run.
---@return oc.repl.Live
function M.new(begin_feeding)
  -- A session goes on however much goes wrong in its callbacks; each place is told once.
  settings.errors = errors.Collector.new { max = math.huge }
  return setmetatable({ begin_feeding = begin_feeding, has_ended = false, asked = {} }, Live)
end

return M
