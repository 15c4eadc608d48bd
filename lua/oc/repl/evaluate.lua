--- What a session of lines knows and does: an environment that lasts, a trace at hand, one line
--- after the other.
--
--     line → expression? statement? incomplete? → its code runs → what its verbs registered runs,
--     in one pass → its values
--
-- Lines count through the session: an error in a function says which line it was typed in, and
-- quotes it.

local C = require "oc.abi"
local changes = require "oc.changes"
local chunks = require "oc.chunk"
local errors = require "oc.errors"
local mistakes = require "oc.repl.mistakes"
local report = require "oc.report"
local scan = require("oc.repl.scan").scan
local session = require "oc.session"
local settings = require "oc.settings"
local short = require "oc.short"
local traces = require "oc.trace"

local host_pointer = session.host_pointer
local IN_HOST, IN_BODY = 0, 1

local M = {}

---@class oc.repl.Session
---@field name string of the input, in errors: "repl", "stdin"
---@field path? string of the recorded trace
---@field env table what lines see
---@field live? oc.repl.Live of a live trace that goes on
---@field lines string[] all that was typed
---@field kept oc.repl.Kept[] what went well, for .save
---@field ran? { events: number, seconds: number, span_ns: number, is_cut: boolean } the line's run
local Session = {}
Session.__index = Session
M.Session = Session

-- The trace at hand -------------------------------------------------------------------------------

local function new_owner(self)
  local owner = {}
  local live = self.live
  function owner.trace()
    if live then return live:trace() end
    local trace, wants = self._trace, self._wants
    local is_fit = trace and not trace._ran
      and (trace:has_callbacks() or trace._wants == wants or wants == nil)
    if not is_fit then
      if trace and not trace._ran then traces.forget(trace) end
      local has_stacks, has_symbols = wants == "stacks", wants ~= nil
      self._trace = traces.open { input = self.path, stacks = has_stacks and "any" or nil,
        symbols = has_symbols or nil }
      self._trace._wants = wants
    end
    return self._trace
  end
  function owner.is_filled()
    if live then return live.started ~= nil end
    local trace = self._trace
    return not (trace and not trace._ran and trace:has_callbacks())
  end
  function owner.machine() return self:machine() end
  function owner.show(value) self.show(value) end
  if self.path then
    function owner.use(...) self:use(...) end
  end
  if live then
    function owner.live(...) live:watch(...) end
  end
  return owner
end

--- The machine of the whole trace, read when it is first asked for.
---@return oc.Machine
function Session:machine()
  if self._machine then return self._machine end
  if self.live then return self.live:machine() end
  if not self.path then
    errors.misuse("there is no machine of a live system here",
      { hint = "at a terminal oc repl -g keeps one; in a pipe: "
        .. "oc eval 'samples():by(\"comm\"):print()' -g -d 1s" })
  end
  local trace = self._unbuilt or self:open_for_machine()
  self._unbuilt = nil
  trace:run()
  if C.oc_host_interrupted(host_pointer) ~= 0 then
    errors.misuse("interrupted: the machine was not built to its end")
  end
  self._machine = trace:machine()
  return self._machine
end

--- A trace whose run makes the machine, with the scenarios that lines used.
function Session:open_for_machine()
  local trace = traces.open { input = self.path, machine = true }
  traces.forget(trace)  -- nobody need ask for it
  for _, name in ipairs(self._scenarios) do trace:use(name) end
  return trace
end

--- From now on the machine has what these scenarios find: it is built anew when it is asked for.
---@param ... string
function Session:use(...)
  local trace = self._unbuilt or self:open_for_machine()
  self._unbuilt = nil
  trace:use(...)  -- raises where the trace has not what it needs
  self._unbuilt, self._machine = trace, nil
  for i = 1, select("#", ...) do self._scenarios[#self._scenarios + 1] = (select(i, ...)) end
  require("oc.repl.names").forget(self)
end

--- The machine if it was asked for before.
function Session:machine_at_hand() return self._machine end

--- A trace to ask for names of events and fields.
---@return oc.Trace
function Session:trace()
  if not self._owner then  -- a script stopped
    return changes.running_trace() or errors.misuse("there is no trace that runs here")
  end
  return self.live and self.live:trace_of_names() or self._owner.trace()
end

local function drop_trace(self)
  if self.live then return self.live:drop() end
  if self._trace and not self._trace._ran then traces.forget(self._trace) end
  self._trace = nil
end

-- Running -----------------------------------------------------------------------------------------

--- Functions that were typed are compiled while a trace runs, and interpreted otherwise: there
--- Ctrl-C reaches a loop that does not end.
local function compile_functions(self, on)
  self._is_compiled = on
  for _, chunk in ipairs(self._functions) do
    if on then jit.on(chunk, true) else jit.off(chunk, true) end
  end
end

local function finished(self, trace)
  compile_functions(self, false)
  local stats = trace:stats()
  self.ran = self.ran or { events = 0, seconds = 0 }
  self.ran.events = self.ran.events + stats.records
  self.ran.seconds = self.ran.seconds + stats.run_ns / 1e9
  self.ran.span_ns = stats.span_ns
  self.ran.is_cut = C.oc_host_interrupted(host_pointer) > 0 and trace:is_recorded()
  report.lost = report.lost + stats.lost
  report.damaged = report.damaged or trace:is_damaged()
  if not trace:is_recorded() then
    report.finished(trace, { stacks = false })
  elseif stats.lost > 0 and not self._told_loss then
    self._told_loss = true
    report.say_loss(stats, "recorded")
  elseif self._told_notes ~= #trace:notes() then  -- what the banner has not said
    self._told_notes = #trace:notes()
    for _, note in ipairs(trace:notes()) do io.stderr:write("oc: ", note, "\n") end
  end
end

--- Runs what the line registered; an aggregate that was printed before is printed now.
function Session:run_registered()
  if not self.words then return end
  local trace = self._trace
  if self.live then
    self.live:start_if_asked()
  elseif trace and not trace._ran and trace:has_callbacks() then
    trace:run()
  end
  self.words:show_due(false)
  self.words:forget()
end

local function pack(...) return { n = select("#", ...), ... } end

local function traced(err)
  local made = errors.make(err)
  if type(err) == "string" and not made.traceback then made.traceback = debug.traceback("", 2) end
  return made
end

--- Calls as a body, in which Ctrl-C is an error. A Ctrl-C at the end must not become an error where
--- nobody catches it, so the body is left inside of xpcall.
local function as_body(fn, ...)
  local before = C.oc_host_doing(host_pointer, IN_HOST)
  local function leave(...)
    C.oc_host_doing(host_pointer, IN_HOST)
    return ...
  end
  local ok, result = xpcall(function(...)
    C.oc_host_doing(host_pointer, IN_BODY)
    return leave(fn(...))
  end, function(err)
    C.oc_host_doing(host_pointer, IN_HOST)
    return traced(err)
  end, ...)
  C.oc_host_doing(host_pointer, IN_HOST)  -- an error in the handler left it
  if debug.gethook() == "external hook" then debug.sethook() end
  C.oc_host_doing(host_pointer, before)
  return ok, result
end

--- Calls what a line may say, so that it can be interrupted and its errors end it alone. Ctrl-C may
--- have come before, right behind the line.
---@return boolean ok
---@return any result or error
function Session:guarded(fn, ...)
  if self.words and not self.live then settings.errors = errors.Collector.new { max = 20 } end
  self.ran = nil
  if self.live then compile_functions(self, false) end  -- they were, since the last line
  local ok, result = as_body(function(...)
    if C.oc_host_interrupted(host_pointer) ~= 0 then error(errors.new("interrupted"), 0) end
    return fn(...)
  end, ...)
  compile_functions(self, false)
  if not ok then drop_trace(self) end
  if self.words then self.words:forget() end  -- what an error left must not come with the next line
  if self.words and not self.live then io.stderr:write(settings.errors:summary()) end
  return ok, result
end

--- As `guarded`, for what shows the values of the line that has just run.
function Session:guarded_show(fn)
  local ran = self.ran
  C.oc_host_begin_line(host_pointer)
  local ok, result = self:guarded(fn)
  self.ran = ran or self.ran
  return ok, result
end

---@class oc.repl.Kept
---@field source string
---@field is_expression boolean
---@field ran boolean a trace was run for it
---@field file? string that was loaded
---@field registers? boolean live: it asked for events

--- Keeps an input that went well; a file that was loaded.
function Session:keep(source, is_expression, file)
  self.kept[#self.kept + 1] = { source = source, is_expression = is_expression,
    ran = self.ran ~= nil, file = file, registers = self._registers }
end

-- Loading -----------------------------------------------------------------------------------------

local RESULTS = "local oc_results = ... return oc_results("

--- Whether more lines may make sense of a text that makes none.
local function is_open(problem) return problem ~= nil and problem:find("near '<eof>'$") ~= nil end

--- Whether a text in quotes is not closed: no further line can close it.
local function has_open_quote(source)
  local open = scan(source)
  return open.quote ~= nil and #open.quote == 1 and source:sub(-1) ~= "\\"
end

---@class oc.repl.Loaded
---@field chunk? function
---@field is_expression boolean
---@field is_open boolean more is to come
---@field problem? string

--- Loads a text that begins in a line of the session: as an expression, else as statements.
---@param source string
---@param line integer
---@return oc.repl.Loaded
function Session:load(source, line)
  local name, before = "=" .. self.name, ("\n"):rep(line - 1)
  if source:sub(1, 1) == "\27" then
    local _, refused = chunks.load(source, name)
    return { is_expression = false, is_open = false, problem = refused }
  end
  local returned = source:match("^%s*return%s+(.+)$")
  local loaded = returned and self:load(returned, line)
  if loaded and loaded.is_expression then return loaded end
  -- Behind a comment only in a line of its own: Lua gives the text's last step the bracket's line.
  local expression = source:match("^(.-);%s*$") or source
  local begun = RESULTS .. before .. expression
  local chunk = chunks.load(begun .. ")", name) or chunks.load(begun .. "\n)", name)
  if chunk and chunks.load("return " .. before .. expression .. "\n", name) then  -- not of "1),(2"
    return { chunk = setfenv(chunk, self.env), is_expression = true, is_open = false }
  end
  local problem
  chunk, problem = chunks.load(before .. source, name)
  if chunk then
    return { chunk = setfenv(chunk, self.env), is_expression = false, is_open = false }
  end
  local _, of_expression = chunks.load("return " .. before .. source, name)
  return { is_expression = false, problem = problem,
    is_open = not has_open_quote(source) and not mistakes.opens_foreign_block(source)
      and (is_open(problem) or is_open(of_expression)) }
end

--- What a text asks of a recorded trace beside its events: nobody is asked to say it before.
local function wants_of(source)
  if source:find("stack", 1, true) or source:find("callchain", 1, true) then return "stacks" end
  return (source:find("symbol", 1, true) or source:find("module", 1, true)) and "symbols" or nil
end

--- Takes what a text asks for; what functions ask for that it defines, later lines do, too.
local function take_wants(self, source)
  if not self.path then return end
  local wants = wants_of(source)
  if source:find("function", 1, true) and wants and self._functions_want ~= "stacks" then
    self._functions_want = wants
  end
  self._wants = wants == "stacks" and wants or self._functions_want or wants
end

--- Runs what was loaded, and then the trace; its values.
---@param loaded oc.repl.Loaded
---@param source string
---@return boolean ok
---@return table|oc.Error values with n, or what went wrong
function Session:run(loaded, source)
  jit.off(loaded.chunk, true)
  take_wants(self, source)
  local is_compiled = source:find("function", 1, true) and not chunks.has_stops(source)
  if is_compiled then self._functions[#self._functions + 1] = loaded.chunk end
  local registered = self.live and self.live:registered()
  return self:guarded(function()
    local values = pack(loaded.chunk(pack))
    if loaded.is_expression then values = values[1] end
    self._registers = self.live and self.live:registered() > registered
    self:run_registered()
    return values
  end)
end

--- Runs the text of a file, and then the trace. Called where errors end one line only.
---@param text string
---@param name string of the chunk
function Session:load_text(text, name)
  local chunk, problem = chunks.load(text, name)
  self._sources[name] = text
  self._sources[name:sub(2)] = text
  if not chunk then error(errors.make(problem), 0) end
  jit.off(setfenv(chunk, self.env), true)
  take_wants(self, text)
  if not chunks.has_stops(text) then self._functions[#self._functions + 1] = chunk end
  chunk()
  self:run_registered()
end

-- Making ------------------------------------------------------------------------------------------

--- What lines see beside the short verbs.
local function fill(self)
  local verbs = getmetatable(self.env).__index
  setmetatable(self.env, { __index = function(env, name)
    local has_machine = self.path or self.live
    if has_machine and (name == "m" or name == "machine") then return self:machine() end
    return verbs(env, name)
  end })
end

--- A session has a trace of its own, or with `env_table` it is a script's that stopped.
---@param options { name: string, path?: string, show: fun(value: any), env_table?: table,
--- goes_on: boolean? a live trace runs while lines are typed }
---@return oc.repl.Session
function M.new(options)
  local self = setmetatable({ name = options.name, path = options.path, lines = {}, kept = {},
    show = options.show, _functions = {}, _sources = {}, _told_notes = 0,
    _scenarios = {} }, Session)
  self._before = { read_source = settings.read_source, begin_run = settings.begin_run,
    finished = settings.finished }
  if options.env_table then
    self.env = options.env_table
  else
    if options.goes_on then
      self.live = require("oc.repl.live").new(function()
        if not self._is_compiled then compile_functions(self, true) end
      end)
    end
    self._owner = new_owner(self)
    self.words = short.new(self._owner)
    self.env = self.words:environment()
    fill(self)
    settings.begin_run = function() compile_functions(self, true) end
    settings.finished = function(trace) finished(self, trace) end
  end
  settings.read_source = function(chunk)
    if chunk:gsub("^=", "") == self.name then return table.concat(self.lines, "\n") end
    return self._sources[chunk] or self._before.read_source(chunk)
  end
  return self
end

--- Leaves all as it was before.
function Session:close()
  for name, fn in pairs(self._before) do settings[name] = fn end
end

return M
