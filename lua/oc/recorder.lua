--- A recording that goes on beside a script's own trace: a flight recorder, or a file.
--
--     local ring = oc.recorder { events = { "sched:*" }, overwrite = "10s" }
--     trace:on("block:block_rq_complete", function(e)
--       if slow(e) then ring:dump("slow.data") end
--     end)
--
-- It records from the moment it is made until `stop`, or until it is collected.

local C = require "oc.abi"
local canonical = require "oc.canonical"
local errors = require "oc.errors"
local ffi = require "ffi"
local filter = require "oc.filter"
local kinds = require "oc.kinds"
local open_options = require "oc.open_options"
local session_of = require "oc.session"
local settings = require "oc.settings"
local units = require "oc.units"

local M = {}

---@class oc.Recorder
local Recorder = {}
Recorder.__index = Recorder
M.class = Recorder

local known_options = { buffer = "number or string", events = "table", filter = "string",
  frequency = "number", memory = "number or string", output = "string", overwrite = "string" }

local function check(options)
  open_options.check(options, known_options, "oc.recorder")
  if not options.overwrite and not options.output then
    errors.misuse("oc.recorder needs overwrite (what to keep in memory) or output (a file)", {
      token = "recorder",
      hint = 'as in oc.recorder { events = { "sched:*" }, overwrite = "10s" }' })
  end
end

local function size_of(options, name)
  local value = options[name]
  if value == nil then return 0 end
  local bytes = type(value) == "string" and units.parse_size(value) or value
  if type(bytes) ~= "number" or bytes < 4096 then
    errors.misuse(("oc.recorder: %s is no size of at least 4KiB"):format(name), { token = name })
  end
  return bytes
end

--- "10s" is a time, "100MiB" a size: ns and bytes, one of them 0. nil for neither.
---@param text string
---@return number? ns
---@return number? bytes
function M.time_or_size(text)
  if type(text) ~= "string" or not text:find("%a") then return nil end
  local ns = units.parse_duration(text)
  local bytes = not ns and units.parse_size(text)
  if (ns or bytes or 0) < 1 then return nil end
  return ns or 0, bytes or 0
end

--- Asks a session for all events of these names; the kinds that samples come from, each once.
---@param names string[]
---@param options { frequency?: number, period?: number, filter?: string }
---@return integer[]
function M.want(session, names, options)
  local all, seen = {}, {}
  for _, name in ipairs(names) do
    local numbers = {}
    if canonical.is(name) then
      local of_name = canonical.resolve(session, name,
        { live = true, frequency = options.frequency, period = options.period })
      for i, kind in ipairs(of_name) do numbers[i] = kind.number end
    else
      numbers = kinds.resolve(session, name, { frequency = options.frequency })
    end
    for _, number in ipairs(numbers) do
      if not seen[number] then all[#all + 1] = kinds.read(session, number) end
      seen[number] = true
    end
  end
  if options.filter then all = filter.record(session, all, options.filter) end
  local found = {}
  for _, kind in ipairs(all) do
    C.oc_session_want(session, kind.number)
    if kind.number >= kinds.KERNEL_RECORDS then found[#found + 1] = kind.number end
  end
  return found
end

---@class oc.RecorderOptions
---@field events? string[] or globs; where the CPUs spend their time when absent
---@field overwrite? string a time or a size: keep so much of the past in memory
---@field output? string a file that everything is written to
---@field filter? string of the events, as in oc record --filter
---@field frequency? number of clocks and hardware events
---@field buffer? number|string ring buffer on each CPU
---@field memory? number|string at most, for `overwrite`

--- Starts a recording of the whole system on a thread of its own.
---@param options oc.RecorderOptions
---@return oc.Recorder
function M.new(options)
  check(options)
  settings.before_open()
  if settings.run.input then
    errors.wrong_usage("oc.recorder records this machine, and -i reads a recorded trace",
      "leave out -i, or make the recorder only where trace:is_recorded() is false")
  end
  local session = session_of.new()
  M.want(session, options.events or { "cpu" }, options)
  local run, recording = ffi.new("oc_run"), ffi.new("oc_recording")
  run.buffer_bytes = size_of(options, "buffer")
  recording.output = options.output or ""
  recording.memory_bytes = size_of(options, "memory")
  if options.overwrite then
    local ns, bytes = M.time_or_size(options.overwrite)
    if not ns then
      errors.misuse("oc.recorder: overwrite is neither a time nor a size", {
        token = "overwrite", hint = 'as in overwrite = "10s" or overwrite = "64MiB"' })
    end
    recording.overwrite_ns, recording.overwrite_bytes = ns, bytes
  end
  if C.oc_session_record_ahead(session) ~= 0
    or C.oc_session_record(session, run, recording) ~= 0 then
    session_of.raise(session)
  end
  return setmetatable({ _session = session, _is_flight = options.overwrite ~= nil }, Recorder)
end

--- Writes what is kept to a trace of its own, and goes on recording.
---@param path string
---@return boolean? ok
---@return string? problem why it could not be written
function Recorder:dump(path)
  if type(path) ~= "string" then
    errors.misuse("dump wants the name of a file", { token = "dump" })
  end
  if not self._is_flight then
    errors.misuse("this recorder writes to a file: there is nothing to dump",
      { token = "dump", hint = 'give it overwrite = "10s"' })
  end
  if not self._session then
    errors.misuse("this recorder was stopped", { token = "dump", hint = "dump before stop" })
  end
  if C.oc_session_dump(self._session, path) == 0 then return true end
  return nil, session_of.problem(self._session)
end

--- Ends the recording; a file is complete when it returns.
---@return oc.Stats? stats nil when it was stopped before
---@return string? problem
function Recorder:stop()
  local session = self._session
  if not session then return nil end
  self._session = nil
  local problem = C.oc_session_finish(session) ~= 0 and session_of.problem(session) or nil
  local stats = session_of.stats(session)
  local failed = C.oc_session_recorded(session, ffi.new("oc_recorded")) ~= 0
  if failed then problem = problem or session_of.problem(session) end
  C.oc_session_end(session)
  return stats, problem
end

return M
