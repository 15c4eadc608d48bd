--- A trace: what is collected, from where, and the callbacks on it.
--
--     local trace = oc.open { cpu = { frequency = 999 } }       -- nothing is opened yet
--     trace:on("cpu", function(e) … end)                        -- names are checked here
--     trace:every("1s", function() … end)
--     trace:run()                                               -- opens, feeds the callbacks, ends
--
-- The input is the kernel, or a file by `input` or the command line's `-i`; a script cannot tell which.

local C = require "oc.abi"
local canonical = require "oc.canonical"
local dispatch = require "oc.dispatch"
local errors = require "oc.errors"
local ffi = require "ffi"
local host = require "oc.host"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"
local settings = require "oc.settings"
local timers = require "oc.timers"
local units = require "oc.units"
local view = require "oc.view"

local host_pointer = ffi.cast("oc_host *", host.pointer)

local IN_BODY, IN_CALLBACKS = 1, 2
local PERMISSION = 2
local IDLE_MS = 100

---@class oc.Trace
---@field start_ns number absolute time of the beginning, ns of the trace's clock; 0 before the run
local Trace = {}

local M = {}

local opened = {}

--- Raises an error at the place where a trace was opened that has callbacks and was never run.
function M.check_all_ran()
  for _, self in ipairs(opened) do
    if not self._ran and (#self._registered > 0 or #self._timers > 0 or #self._at_end > 0) then
      local err = errors.new("this trace has callbacks but was never run", { hint = "call trace:run() after the callbacks", token = "open" })
      local info = self._opened_at
      err.chunk, err.file, err.line = info.source, info.short_src, info.currentline
      error(err, 0)
    end
  end
end

-- Opening -------------------------------------------------------------------------------------------

local open_options = { input = "string", cpu = "table", buffer = "any" }

local function check_options(options, known, what)
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  for name in pairs(options) do
    if not known[name] then
      errors.misuse(("%s has no option '%s'"):format(what, tostring(name)),
        { token = tostring(name), hint = nearest.hint(tostring(name), names) or "it has: " .. table.concat(names, ", ") })
    end
  end
end

--- An error that is not the script's: without its line.
local function fail(message, hint, code)
  local err = errors.make(message)
  err.hint, err.code = hint, code
  error(err, 0)
end

local function session_failure(session)
  local err = C.oc_session_error(session)
  local hint = ffi.string(err.hint)
  fail(ffi.string(err.what), hint ~= "" and hint or nil, err.code)
end

local function new_session(path)
  local session = ffi.gc(C.oc_session_new(host_pointer), C.oc_session_close)
  if path and C.oc_session_open_file(session, path) ~= 0 then session_failure(session) end
  return session
end

local function attach(self, path)
  self._path = path
  self._session = new_session(path)
  self._runtime = view.runtime(self._session)
  self._views, self._handlers, self._by_kind = {}, {}, {}
end

--- A trace to register callbacks on; opened by `run`.
---@param options? { input?: string, cpu?: { frequency: number }, buffer?: number|string }
---@return oc.Trace
function M.open(options)
  options = options or {}
  check_options(options, open_options, "oc.open")
  settings.before_open()
  local self = setmetatable({ _options = options, _registered = {}, _timers = timers.new(), _at_end = {} }, Trace)
  local info = debug.getinfo(2, "Sl")
  self._opened_at = info
  opened[#opened + 1] = self
  attach(self, options.input or settings.run.input)
  return self
end

-- Registering ---------------------------------------------------------------------------------------

local function view_of(self, kind, canonical_name)
  local key = kind.number .. ":" .. (canonical_name or "")
  if not self._views[key] then self._views[key] = view.new(kind, self._runtime) end
  return self._views[key]
end

--- The kinds that `name` means, with the canonical event's name when it is one.
local function kinds_of(self, name)
  if canonical.is(name) then
    return canonical.resolve(self._session, name, {
      live = self._path == nil, path = self._path, frequency = self._options.cpu and self._options.cpu.frequency or settings.run.frequency,
    }), name
  end
  local found = {}
  for i, number in ipairs(kinds.resolve(self._session, name)) do found[i] = kinds.read(self._session, number) end
  return found
end

--- An event may be wanted under several names (`cswitch` and `sched:*`): one handler a kind; each
--- callback gets the view of the name that it asked for.
local function bind(self, name, fn)
  local found, canonical_name = kinds_of(self, name)
  for _, kind in ipairs(found) do
    local own_view = view_of(self, kind, kind.aliases and canonical_name)
    local handler = self._by_kind[kind.number]
    if not handler then
      handler = { kind = kind, view = own_view, callbacks = {} }
      self._by_kind[kind.number] = handler
      self._handlers[#self._handlers + 1] = handler
      C.oc_session_want(self._session, kind.number)
      local info = debug.getinfo(fn, "S")
      C.oc_session_describe(self._session, kind.number, info.short_src .. ":" .. info.linedefined)
    end
    local call = fn
    if own_view ~= handler.view then
      call = function(e)
        own_view._d = e._d
        return fn(own_view)
      end
    end
    handler.callbacks[#handler.callbacks + 1] = call
  end
end

--- Falls back to the trace that OC_FALLBACK_TRACE names when the kernel refuses: says why, then starts
--- over on that file. False when that is not possible.
local function fall_back(self, err)
  local path = os.getenv("OC_FALLBACK_TRACE")
  if self._path or not path or path == "" or err.code ~= PERMISSION then return false end
  io.stderr:write("oc: ", err.message, "\n")
  if err.hint then io.stderr:write("    ", err.hint, "\n") end
  io.stderr:write("    instead, the script runs on the recorded trace ", path, "\n")
  attach(self, path)
  for _, entry in ipairs(self._registered) do bind(self, entry.name, entry.fn) end
  return true
end

--- Runs `body`; when the kernel refuses, falls back and runs it again.
local function with_fallback(self, body)
  local ok, err = pcall(body)
  if ok then return end
  if type(err) == "table" and not self._path then
    err.code = err.code or C.oc_session_error(self._session).code
    if fall_back(self, err) then return body() end
  end
  error(err, 0)
end

--- Calls `fn(e)` for each such event, in order of time.
---@param name string an event, a glob of events, or one of `oc.canonical`'s names
---@param options_or_fn table|fun(e: oc.Event)
---@param fn? fun(e: oc.Event)
function Trace:on(name, options_or_fn, fn)
  local options = {}
  if fn == nil then fn = options_or_fn else options = options_or_fn end
  if type(name) ~= "string" then errors.misuse("trace:on wants the name of an event first") end
  if type(fn) ~= "function" then
    errors.misuse(("trace:on(%q, …) wants a function(e)"):format(name), { token = "on" })
  end
  if self._ran then errors.misuse("callbacks are registered before trace:run()", { token = "on" }) end
  check_options(options, {}, "trace:on")
  with_fallback(self, function() bind(self, name, fn) end)
  self._registered[#self._registered + 1] = { name = name, fn = fn }
end

--- Calls `fn()` again and again in trace time, also while nothing happens.
---@param period string|number "1s", "100ms", or ns
---@param fn fun()
function Trace:every(period, fn)
  local ns = type(period) == "number" and period or units.parse_duration(period)
  if not ns or ns <= 0 then
    errors.misuse("trace:every wants a duration above 0, such as \"1s\"", { token = "every" })
  end
  if type(fn) ~= "function" then errors.misuse("trace:every wants a function", { token = "every" }) end
  self._timers:add(ns, fn)
end

--- Calls `fn()` after the last event.
---@param fn fun()
function Trace:at_end(fn)
  if type(fn) ~= "function" then errors.misuse("trace:at_end wants a function", { token = "at_end" }) end
  self._at_end[#self._at_end + 1] = fn
end

--- One event of this trace: `name`, `format` (fields with type, offset, size) and `field(name)`.
---@param name string
---@return { name: string, format: oc.Field[], field: fun(self, name: string): fun(e: oc.Event): any }
function Trace:event(name)
  local kind = kinds_of(self, name)[1]
  return {
    name = kind.name,
    format = kind.fields,
    field = function(_, field) return view.field_reference(kind, field) end,
  }
end

-- Running -------------------------------------------------------------------------------------------

local function traced(err)
  local made = errors.make(err)
  if settings.traceback and not made.traceback then made.traceback = debug.traceback("", 2) end
  return made
end

local function report(self, err)
  local is_new, is_over = settings.errors:add(err)
  if is_new then io.stderr:write(errors.render(err, settings.read_source)) end
  if is_new and settings.traceback and err.traceback then io.stderr:write(err.traceback, "\n") end
  if is_over or C.oc_host_interrupted(host_pointer) == -1 then self:stop() end
end

--- Calls a hook (timer, end) as a body: hooks work there, so that Ctrl-C and the watchdog do.
local function call_hook(self, fn, ...)
  local before = C.oc_host_doing(host_pointer, IN_BODY)
  local ok, err = xpcall(fn, traced, ...)
  C.oc_host_doing(host_pointer, before)
  if not ok then report(self, err) end
end

--- Ends the run: no further events are delivered, end hooks are called.
function Trace:stop()
  self._stopping = true
  if self._loop then self._loop.count = 0 end
  C.oc_session_stop(self._session)
end

local function start(self)
  local run = ffi.new("oc_run")
  local options = settings.run
  run.max_events = options.events or 0
  run.max_span_ns = options.duration or 0
  local buffer = self._options.buffer
  if type(buffer) == "string" then buffer = units.parse_size(buffer) end
  run.buffer_bytes = options.buffer or buffer or 0
  local words = {}
  if options.command and #options.command > 0 then
    words = ffi.new("const char *[?]", #options.command + 1)
    for i, word in ipairs(options.command) do words[i - 1] = word end
    run.command = words
  end
  with_fallback(self, function()
    if C.oc_session_start(self._session, run) ~= 0 then session_failure(self._session) end
  end)
end

--- Handles one batch; a callback's error is reported and the loop goes on behind it.
local function handle_batch(self, step)
  local loop = self._loop
  C.oc_host_doing(host_pointer, IN_CALLBACKS)
  loop.callback = 1
  while loop.at < loop.count do
    local ok, err = xpcall(step, traced)
    if ok then break end
    report(self, err)
    if loop.at < loop.count then
      dispatch.step_over(loop, self._handlers, traced, function(more) report(self, more) end)
    end
  end
  C.oc_host_doing(host_pointer, IN_BODY)
end

local function feed(self)
  local session, loop = self._session, self._loop
  local has_timers = #self._timers > 0
  local function fire(time)
    self._timers:fire(time, function(fn) if not self._stopping then call_hook(self, fn) end end)
    loop.deadline = self._timers.next_due
  end
  loop.deadline = self._timers.next_due
  local step = dispatch.compile(loop, self._handlers, has_timers and fire or nil)
  local shortest = self._timers:shortest()
  local wait_ms = shortest and math.max(1, math.min(IDLE_MS, shortest / 1e6)) or IDLE_MS
  while not self._stopping do
    local state = C.oc_session_next(session, wait_ms)
    if state < 0 then session_failure(session) end
    if state == 0 then break end
    local had_events = loop.count > 0
    handle_batch(self, step)
    if has_timers and not self._stopping then fire(loop.until_ns) end
    if not self._path and had_events then io.stdout:flush() end
    if loop.is_last ~= 0 then break end
  end
end

--- Opens what the callbacks need, delivers every event in order of time, calls the end hooks.
---@return oc.Trace self
function Trace:run()
  if self._ran then errors.misuse("this trace has been run already", { token = "run", hint = "open it again for a second run" }) end
  self._ran = true
  start(self)
  self._loop = C.oc_session_loop(self._session)
  feed(self)
  for _, fn in ipairs(self._at_end) do call_hook(self, fn) end
  C.oc_session_finish(self._session)
  settings.finished(self)
  return self
end

-- Asking --------------------------------------------------------------------------------------------

--- Numbers of the run so far: events (delivered), records, bytes, lost, late, malformed, unknown, own,
--- span_ns, cpu_ns (this program's own), lost_by_cpu and lost_by_event.
function Trace:stats()
  local raw = ffi.new("oc_stats")
  C.oc_session_stats(self._session, raw)
  local losses = ffi.new("oc_loss[?]", 1024)
  local by_cpu, by_event = {}, {}
  for i = 0, math.min(C.oc_session_losses(self._session, losses, 1024), 1024) - 1 do
    local loss = losses[i]
    if loss.event == nil then
      by_cpu[loss.cpu] = (by_cpu[loss.cpu] or 0) + loss.records
    else
      local name = ffi.string(loss.event)
      by_event[name] = (by_event[name] or 0) + loss.records
    end
  end
  return {
    events = raw.delivered, records = raw.records, bytes = raw.bytes, lost = raw.lost, late = raw.late,
    malformed = raw.malformed, unknown = raw.unknown, own = raw.own, span_ns = raw.span_ns,
    cpu_ns = raw.cpu_ns, lost_by_cpu = by_cpu, lost_by_event = by_event,
  }
end

--- Sentences about damage or limits of the trace.
---@return string[]
function Trace:notes()
  local notes, i = {}, 0
  while true do
    local note = C.oc_session_note(self._session, i)
    if note == nil then return notes end
    i = i + 1
    notes[i] = ffi.string(note)
  end
end

--- The launched command's exit status, 128 + n for a signal; nil without a command or while it runs.
function Trace:command_status()
  local status = C.oc_session_command_status(self._session)
  return status >= 0 and status or nil
end

--- The names of system calls by number, of the machine that the trace is from; empty when that is of
--- another kind than the one that built oc.
---@return table<integer, string>
function Trace:syscalls()
  local arch = ffi.string(C.oc_session_fact(self._session, "arch"))
  local own = ({ x64 = "x86_64", arm64 = "aarch64" })[jit.arch]
  if arch ~= "" and arch ~= own then return {} end
  return require "oc.syscalls"
end

--- True when the input is a file.
function Trace:is_recorded() return self._path ~= nil end

--- True when the trace is truncated or damaged.
function Trace:is_damaged() return C.oc_session_is_damaged(self._session) ~= 0 end

Trace.__index = function(self, name)
  if name == "start_ns" then
    local raw = ffi.new("oc_stats")
    C.oc_session_stats(self._session, raw)
    return raw.start_ns
  end
  local method = Trace[name]
  if method == nil and type(name) == "string" and name:sub(1, 1) ~= "_" then
    local names = {}
    for known in pairs(Trace) do names[#names + 1] = known end
    errors.misuse(("a trace has no '%s'"):format(name), { token = name, hint = nearest.hint(name, names) })
  end
  return method
end

return M
