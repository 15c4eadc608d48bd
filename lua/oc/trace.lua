--- A trace: what is collected, from where, and the callbacks on it.
--
--     local trace = oc.open { cpu = { frequency = 999 } }       -- nothing is opened yet
--     trace:on("cpu", function(e) … end)                        -- names are checked here
--     trace:every("1s", function() … end)
--     trace:run()                                               -- opens, feeds the callbacks, ends
--
-- The input is the kernel, or a file by `input` or the command line's `-i`; a script cannot tell
-- which.
--
-- one thing: what a trace can be asked shares its fields, which nobody else sees.

local C = require "oc.abi"
local ask = require "oc.ask"
local changes = require "oc.changes"
local errors = require "oc.errors"
local filter = require "oc.filter"
local frames = require "oc.frames"
local handles = require "oc.handle"
local instrument = require "oc.instrument"
local members = require "oc.members"
local machine = require "oc.machine"
local machine_events = require "oc.machine_events"
local open_options = require "oc.open_options"
local opening = require "oc.opening"
local phases = require "oc.phases"
local proxies = require "oc.proxy"
local registering = require "oc.registering"
local run = require "oc.run"
local session = require "oc.session"
local scenario = require "oc.scenario"
local settings = require "oc.settings"
local stack = require "oc.stack"
local units = require "oc.units"
local view = require "oc.view"

---@class oc.TraceEvent one event of a trace
---@field name string
---@field names string[] of all events, where it was asked for by a glob
---@field format oc.Field[]
---@field field fun(self: oc.TraceEvent, name: string): fun(e: oc.Event): any

---@class oc.Trace
---@field events string[] those asked for by -e, --syscalls, or oc.open { events = … }
---@field start_wall_ns number? wall clock at the beginning, ns since 1970; nil where nobody knows
---@field host oc.Host the machine that the trace is from
---@field start_ns number absolute time of the beginning, ns of the trace's clock; 0 before the run
local Trace = {}

local M = {}

local opened = {}  -- and not yet run: a trace that was run is freed like any other value

--- Raises an error at the place where a trace was opened that has callbacks and was never run.
function M.check_all_ran()
  for _, self in ipairs(opened) do
    if self:has_callbacks() then
      errors.raise_at(self._opened_at, "this trace has callbacks but was never run",
        { hint = "call trace:run() after the callbacks", token = "open" })
    end
  end
end

local function forget(trace)
  for i = #opened, 1, -1 do
    if opened[i] == trace then return table.remove(opened, i) end
  end
end

--- Forgets a trace that is not going to be run.
---@param trace oc.Trace
function M.forget(trace) forget(trace) end

-- Opening ----------------------------------------------------------------------------------------

local on_options = { filter = "string", optional = "boolean", tasks = "string" }

--- A trace to register callbacks on; opened by `run`.
---@param options? oc.OpenOptions
---@return oc.Trace
function M.open(options)
  local self = opening.open(options or {}, Trace)
  opened[#opened + 1] = self
  return self
end

-- Registering ------------------------------------------------------------------------------------

--- Goes on to another recorded trace, or to the same from its beginning: all that was declared is
--- declared there.
---@param path string
function Trace:_reopen(path) opening.reopen(self, path) end

--- Calls `fn(e)` for each such event, in order of time; with `{ filter = "…" }` for those that it
--- lets through (docs/guide/filters.md), with `{ tasks = "all" }` also for threads that the target
--- leaves out (docs/guide/scripts.md). While it runs: from the next event on (live_changes.md).
---@param name string an event, a glob of events, or one of `oc.canonical`'s names
---@param options_or_fn table|fun(e: oc.Event)
---@param fn? fun(e: oc.Event)
---@return oc.Handle
function Trace:on(name, options_or_fn, fn)
  local options = options_or_fn
  if fn == nil then fn, options = options_or_fn, {} end
  if type(name) ~= "string" then
    errors.misuse("trace:on wants the name of an event first", { token = "on" })
  end
  if type(fn) ~= "function" then
    errors.misuse(("trace:on(%q, …) wants a function(e)"):format(name), { token = "on" })
  end
  registering.check_not_over(self, "on")
  open_options.check(options, on_options, "trace:on")
  registering.check_tasks(self, options.tasks)
  local entry = { name = name, fn = fn, options = options, is_on = true }
  if self._ran then
    registering.register(self, entry)
  else
    opening.with_fallback(self, function() registering.register(self, entry) end)
  end
  self._registered[#self._registered + 1] = entry
  return registering.handle(self, entry)
end

--- Declares an event of the script's own: `fields` as of oc.format, and `:emit { … }` delivers it.
--- With `{ from = name, where = function(e) … end }` another name for events that there are.
---@param name string
---@param fields table
---@return oc.Proxy
function Trace:proxy(name, fields)
  if self._ran then
    errors.misuse("proxies are declared before trace:run()", { token = "proxy" })
  end
  return proxies.declare(self, name, fields)
end

--- Calls `fn(time)`, time in ns, again and again in trace time, also while nothing happens.
---@param period string|number "1s", "100ms", or ns
---@param fn fun(time: number)
---@return oc.TimerHandle
function Trace:every(period, fn)
  local ns = type(period) == "string" and units.parse_duration(period) or period
  if type(ns) ~= "number" or not (ns >= 1 and ns < 2 ^ 63) then
    errors.misuse("trace:every wants a duration of at least 1 ns, such as \"1s\"",
      { token = "every" })
  end
  if type(fn) ~= "function" then
    errors.misuse("trace:every wants a function", { token = "every" })
  end
  registering.check_not_over(self, "every")
  local data = { period = ns, is_on = false }
  local timer, hook = nil, instrument.hook("every " .. tostring(period), fn)
  function data.switch(is_on)
    if is_on == data.is_on then return end
    data.is_on = is_on
    if is_on then
      timer = self._timers:add(ns, hook, self._loop and phases.now(self))
    else
      self._timers:remove(timer)
    end
    changes.cut(self)
  end
  data.switch(true)
  return handles.of_timer(data)
end

--- Calls `fn()` after the last event.
---@param fn fun()
---@return oc.Handle
function Trace:at_end(fn)
  if type(fn) ~= "function" then
    errors.misuse("trace:at_end wants a function", { token = "at_end" })
  end
  local hooks, data = self._at_end, { is_on = true }
  local wrapped = instrument.hook("at_end", fn)
  local hook = function() if data.is_on then wrapped() end end
  hooks[#hooks + 1] = hook
  return handles.of_end(setmetatable(data, { __index = {
    switch = function(is_on) data.is_on = is_on end } }))
end

--- True when `name` (or a glob) means an event that this trace has, or that can be asked for here.
---@param name string
---@return boolean
function Trace:has(name)
  return registering.has(self, name)
end

--- True when there is something to run it for: a callback, a timer, an end hook.
---@return boolean
function Trace:has_callbacks()
  return #self._registered > 0 or #self._timers > 0 or #self._at_end > 0
end

--- One event of this trace: its name, the fields of its payload, references to fields.
---@param name string
---@return oc.TraceEvent
function Trace:event(name)
  if type(name) ~= "string" then
    errors.misuse("trace:event wants the name of an event", { token = "event" })
  end
  local found = opening.with_fallback(self, function()
    return (registering.kinds_of(self, name))
  end)
  local kind, names = found[1], {}
  for i, each in ipairs(found) do names[i] = each.name end
  return {
    name = kind.name,
    names = names,
    format = kind.fields,
    _kinds = found,
    field = function(_, field) return view.field_reference(kind, field) end,
  }
end

--- Writes events to a file while they are read: a table by the path's extension (.events.csv,
--- .events.jsonl, .events.db), or a part of a recorded trace (.data). Complete when `run` returns.
---@param path string
---@param options? { events?: string[], filter?: string, format?: string, force?: boolean }
function Trace:export(path, options) require("oc.event_files").export(self, path, options) end

--- Uses scenarios: their events are asked for, their samples and spans go into the machine. One
--- that is used already is not used again.
---@param ... string names
function Trace:use(...)
  if self._ran then errors.misuse("scenarios are chosen before trace:run()", { token = "use" }) end
  local names = scenario.choose(self._used, ...)
  local stacks = not self._asked.stacks and scenario.stacks_of(names)
  if stacks then
    if #self._registered > 0 then
      errors.misuse(("scenario '%s' wants stacks: use it before the first callback"):format(
        names[1]), { token = "use",
        hint = "or open the trace with stacks; several at once: trace:use(\"a\", \"b\")" })
    end
    self._asked.stacks = (self._path or self._source) and "any" or stacks
    ask.apply(self._session, self._asked, settings.run.command ~= nil)
  end
  self._options.machine = self._options.machine or true
  for _, name in ipairs(names) do
    self._scenario = name
    scenario.use(self, name)
  end
  self._scenario = false
  return self
end

-- Running ----------------------------------------------------------------------------------------

--- Ends the run: no further events are delivered, end hooks are called. The event at hand still
--- reaches its other callbacks.
function Trace:stop() run.stop(self) end

--- What happens from now on is not delivered until `resume`; before the run: it begins paused.
--- Timers go on. Live, the kernel's events are stopped, but for those that tell names and threads.
function Trace:pause() phases.pause(self) end
function Trace:resume() phases.resume(self) end
---@return boolean
function Trace:is_paused() return self._phases.is_paused end

--- Begins a phase of this name, of which `stats().phases` tells; without one: the name of the phase
--- at hand, "" before the first.
---@param name? string
---@return string
function Trace:phase(name) return phases.phase(self, name) end

--- A table for what belongs to one input, such as when a thread's call began: emptied at the
--- beginning of each, where there are several (`-i a -i b`), and behind the last one.
---@return table
function Trace:scratch()
  if self._ran then
    errors.misuse("tables for a run are made before trace:run()", { token = "scratch" })
  end
  local made = {}
  self._scratch[#self._scratch + 1] = made
  return made
end

function Trace:_start(options)
  filter.check_run(self._fits, self._left_out, self._misfit)
  -- A machine takes longer for an event than the rings have room in a storm.
  local is_slow = self._options.machine and not self._path and not self._source
  run.start(self, self._buffer_bytes, function(body) return opening.with_fallback(self, body) end,
    options or { spool_bytes = settings.run.spool or self._spool_bytes
      or is_slow and changes.default_spool(self) or nil })
end

local function run_whole(self)
  self:_start()
  run.feed(self)
end

--- True when a run is more than one pass over one input.
function Trace:_has_parts()
  local inputs = settings.run.inputs
  return (settings.run.jobs or 1) > 1
    or inputs and #inputs > 1 and not self._options.input and self._path == inputs[1]
end

local function begin(self, how)
  if self._ran then
    errors.misuse("this trace has been run already",
      { token = how, hint = "open it again for a second run" })
  end
  if self._options.machine and settings.run.filter then machine_events.choose(self) end
  self._ran = true
  forget(self)
  local reads_events = self._has_read_events
    or self._options.machine and not self._path and not self._source
  if settings.run.asked and settings.run.asked.events and not reads_events then
    io.stderr:write("oc: this script chooses its events itself: -e and --syscalls change nothing\n")
  end
end

--- Opens what the callbacks need, delivers every event in order of time, calls the end hooks.
---@return oc.Trace self
function Trace:run()
  begin(self, "run")
  self._ran_at = errors.script_line()
  local go = self:_has_parts() and require("oc.jobs").run or run_whole
  if settings.profile then
    require("oc.script_profile").time_run(go, self)
  else
    go(self)
  end
  return self
end

local start_options = { interactive = "boolean" }

--- The first part of `run`: opens and begins, and returns. Live, what happens is then collected in
--- memory (`spool`, --spool) until `feed` delivers it.
---@param options? { interactive: boolean } interactive: Ctrl-C does not end this trace
---@return oc.Trace self
function Trace:start(options)
  open_options.check(options or {}, start_options, "trace:start")
  local is_live = not self._path and not self._source
  begin(self, "start")
  self._ran_at = errors.script_line()
  self:_start {
    spool_bytes = settings.run.spool or self._spool_bytes
      or is_live and changes.default_spool(self) or nil,
    is_interactive = options and options.interactive }
  run.prepare(self)
  return self
end

--- Delivers what there is, for at most so long; while there is nothing it waits as long.
---@param ms? number 100; 0: what is there now
---@return number|false events how many came; false once the trace has ended
function Trace:feed(ms)
  if ms ~= nil and not (type(ms) == "number" and ms >= 0) then
    errors.misuse("trace:feed wants a time in ms",
      { token = "feed", hint = "as in trace:feed(50)" })
  end
  if not self._loop then
    errors.misuse("this trace does not run", { token = "feed", hint = "call trace:start() first" })
  elseif self._is_fed_by_run then
    errors.misuse("this trace is fed already", { token = "feed",
      hint = "feed is not for callbacks, timers and end hooks" })
  end
  return run.feed_for(self, ms or 100)
end

--- The last part of `run`: delivers what has happened until now, calls the end hooks, closes.
---@return oc.Trace self
function Trace:finish()
  if not self._loop then
    errors.misuse("this trace does not run", { token = "finish",
      hint = "call trace:start() first" })
  end
  run.finish(self)
  return self
end

--- Shows an aggregate, or what a function prints or returns, again and again while the trace runs
--- (oc.live): until a key, Ctrl-C, the end, or `times`. Starts and finishes a trace that does not
--- run.
---@param value any
---@param period? string|number "1s"
---@param options? { times: number?, top: number? }
---@return oc.Trace self
function Trace:live(value, period, options)
  local is_mine = not self._ran
  if is_mine then
    self:start()
  elseif not self._feeding or self._is_over then
    errors.misuse("this trace does not run", { token = "live",
      hint = "call it before trace:run(), or between trace:start() and trace:finish()" })
  end
  require("oc.live").watch(self, value, period, options)
  if is_mine then self:finish() end
  return self
end

--- How often the kernel saw each event of a live trace since its start, also those that were lost:
--- what was delivered, left out by filters here and lost, together.
---@return table<string, number> by event
function Trace:counted() return changes.counted(self) end

--- Names functions of a module (its path, as frames have it): at `offset` in the file, or at the
--- address where it is no file.
---@param module string
---@param symbols { offset: number|oc.addr, size: number, name: string }[]
function Trace:add_symbols(module, symbols)
  self:_tell(function(to) frames.add_symbols(to, module, symbols) end)
end

--- Tells the session something, and those that follow it where there are several inputs.
function Trace:_tell(tell)
  tell(self._session)
  self._told[#self._told + 1] = tell
end

---@class oc.UnwindRule
---@field offset number|oc.addr as in oc.Frame: in the file, or the address
---@field size number bytes of code
---@field cfa string "sp+N" or "fp+N", the caller's stack pointer; "none": there is no caller
---@field ra? number where the return address lies, from the CFA; -8
---@field fp? number where the caller's frame pointer lies, from the CFA; nil: it was not changed

--- Tells how code leads to its caller, where stacks are unwound (stacks = "dwarf"): of modules of
--- this path, or that match it as a glob. Goes before what their files say.
---@param module string
---@param rules oc.UnwindRule[]
function Trace:add_unwind_rules(module, rules)
  self:_tell(function(to) require("oc.unwind_rules").add(to, module, rules) end)
end

--- Asks `fn(frame)` for each place in code that oc cannot name: it returns a name, a table with
--- name, file and line, or nil.
---@param fn fun(frame: oc.Frame): string|table|nil
function Trace:symbol_source(fn)
  if type(fn) ~= "function" then
    errors.misuse("trace:symbol_source wants a function", { token = "symbol_source" })
  end
  self:_tell(function(to) frames.set_source(to, fn) end)
end

-- Asking -----------------------------------------------------------------------------------------

--- The ExportMachine: processes, samples and spans of what was read so far; empty before the run.
--- To be declared with `oc.open { machine = true }`.
---@return oc.Machine
function Trace:machine()
  if not self._options.machine then
    errors.misuse("this trace has no machine: none was declared",
      { token = "machine", hint = "as in oc.open { machine = true }" })
  end
  if not self._machine then
    self._machine = machine.new(self._profile, self, self._profile ~= nil)
  end
  return self._machine
end

--- Numbers of the run so far.
---@return oc.Stats
function Trace:stats()
  if self._merged then return self._merged.stats end
  local stats = session.stats(self._session)
  stats.delivered_to_batches = nil
  stats.events = stats.events - self._phases.skipped
  stats.stacks = stack.stats(self._session)
  stats.paused_events, stats.phases = self._phases.skipped, phases.read(self)
  stats.spool = changes.spool(self)
  return stats
end

--- Sentences about damage or limits of the trace.
---@return string[]
function Trace:notes()
  return self._merged and self._merged.notes or session.notes(self._session)
end

--- The launched command's exit status, 128 + n for a signal; nil without a command or while it
--- runs.
---@return integer?
function Trace:command_status()
  local status = C.oc_session_command_status(self._session)
  return status >= 0 and status or nil
end

--- The names of system calls by number, of the machine that the trace is from; empty when that is
--- of another kind than the one that built oc.
---@return table<integer, string>
function Trace:syscalls() return session.syscalls(self._session) end

--- Which builds of which files were mapped, as far as the recorder stored it; empty when live.
---@return { path: string, build_id: string, pid?: integer, kernel: boolean }[]
function Trace:build_ids() return require("oc.sample").build_ids(self._session) end

--- True when the input is a recorded trace (a file or a pipe) or a source.
---@return boolean
function Trace:is_recorded() return self._path ~= nil end

--- True when the trace is truncated or damaged.
---@return boolean
function Trace:is_damaged()
  if self._merged then return self._merged.is_damaged end
  return C.oc_session_is_damaged(self._session) ~= 0
end

M.class, Trace.__tostring = Trace, session.describe

Trace.__index = function(self, name)
  local merged = rawget(self, "_merged")  -- of several parts (jobs.lua)
  if merged and (name == "start_ns" or name == "start_wall_ns") then return merged[name] end
  if name == "start_ns" then return session.start_ns(self._session) end
  if name == "host" then return session.host(self._session) end
  if name == "start_wall_ns" then return session.start_wall_ns(self._session) end
  if name == "events" then
    rawset(self, "_has_read_events", true)
    return self._asked.events or {}
  end
  if name == "_machine" or name == "_profile" or name == "_merged" then return nil end
  local method = Trace[name]
  if method == nil and not (type(name) == "string" and name:find("^_")) then
    members.missing("a trace has", name, Trace, { "events", "host", "start_ns", "start_wall_ns" })
  end
  return method
end

return M
