--- A session of the C face: made, asked, its failures raised. Traces and `oc list` share it.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local host = require "oc.host"
local settings = require "oc.settings"
local units = require "oc.units"

local M = {}

--- Of the Lua state; lives longer than all sessions.
M.host_pointer = ffi.cast("oc_host *", host.pointer)

local FIRST_LOSSES = 64

--- Raises what the session's last call failed with: not the script's fault, so without a line.
---@param session ffi.cdata*
function M.raise(session)
  local failure = C.oc_session_error(session)
  local hint = ffi.string(failure.hint)
  error(errors.new(ffi.string(failure.what),
    { hint = hint ~= "" and hint or nil, code = failure.code }), 0)
end

--- What the session's last call failed with.
---@return string
function M.problem(session) return ffi.string(C.oc_session_error(session).what) end

--- A session on a recorded trace, on what a source makes, or on this machine.
---@param path? string
---@param source? oc.Source
---@return ffi.cdata* session
---@return oc.SourceOut? out what the source writes to
function M.new(path, source)
  local session = ffi.gc(C.oc_session_new(M.host_pointer), C.oc_session_close)
  if settings.debuginfod then C.oc_session_use_debuginfod(session) end
  if source then return session, source:open(session) end
  if path and C.oc_session_open_file(session, path) ~= 0 then M.raise(session) end
  return session
end

--- Names of events that match a glob.
---@param session ffi.cdata*
---@param glob string
---@return string[]
function M.event_names(session, glob)
  local names = {}
  while true do
    local name = C.oc_session_event_name(session, glob, #names)
    if name == nil then return names end
    names[#names + 1] = ffi.string(name)
  end
end

--- Absolute time of the beginning, ns of the trace's clock; 0 while not known.
---@return number
function M.start_ns(session)
  local raw = ffi.new("oc_stats")
  C.oc_session_stats(session, raw)
  return raw.start_ns
end

--- The wall clock at the beginning, ns since 1970; nil before the run, or where nobody knows.
---@return number?
function M.start_wall_ns(session)
  local raw = ffi.new("oc_stats")
  C.oc_session_stats(session, raw)
  return raw.wall_ns ~= 0 and raw.wall_ns or nil
end

---@class oc.Stats
---@field events number delivered to callbacks' kinds
---@field filtered number that no callback's filter let through, as far as the kernel did not
---@field records number read, asked for or not
---@field bytes number of those
---@field lost number
---@field late number delivered out of order
---@field malformed number too short for their event, left out
---@field unknown number samples that belong to no event of the trace
---@field throttled number times that the kernel held sampling back for the rest of a tick
---@field own number made by oc itself, left out
---@field span_ns number from the beginning to the newest record
---@field cpu_ns number CPU time that oc used since the run began
---@field run_ns number how long the run took, by the wall clock
---@field cpu_share number own CPU time of one CPU's, 0 to 1 and more
---@field machine_share number own CPU time of the whole machine's, 0 to 1
---@field sampling_rate number of the asked rate; below 1 where --max-overhead lowered it
---@field paused_events number that pauses kept from the callbacks
---@field stacks? oc.StackStats where stacks were declared
---@field phases? oc.Phase[] where phases were named
---@field lost_by_cpu table<integer, number> all that were lost; -1: of a CPU that is not known
---@field lost_by_event table<string, number> those whose event the kernel named

--- Adds up the losses. Every one names a CPU (-1: not known); those of kernels from 6.0 on an event
--- too.
local function losses_of(session)
  local count, capacity, losses = FIRST_LOSSES, 0
  while count > capacity do
    capacity = count
    losses = ffi.new("oc_loss[?]", capacity)
    count = C.oc_session_losses(session, losses, capacity)
  end
  local by_cpu, by_event = {}, {}
  for i = 0, count - 1 do
    local loss = losses[i]
    by_cpu[loss.cpu] = (by_cpu[loss.cpu] or 0) + loss.records
    if loss.event ~= nil then
      local name = ffi.string(loss.event)
      by_event[name] = (by_event[name] or 0) + loss.records
    end
  end
  return by_cpu, by_event
end

--- Numbers of the run so far.
---@return oc.Stats
function M.stats(session)
  local raw = ffi.new("oc_stats")
  C.oc_session_stats(session, raw)
  local by_cpu, by_event = losses_of(session)
  return {
    events = raw.delivered, delivered_to_batches = raw.delivered_to_batches,
    records = raw.records, bytes = raw.bytes, lost = raw.lost,
    filtered = raw.filtered,
    late = raw.late, malformed = raw.malformed, unknown = raw.unknown, own = raw.own,
    throttled = raw.throttled, span_ns = raw.span_ns, cpu_ns = raw.cpu_ns, run_ns = raw.run_ns,
    cpu_share = raw.run_ns > 0 and raw.cpu_ns / raw.run_ns or 0,
    machine_share = raw.run_ns > 0 and raw.cpu_ns / raw.run_ns / raw.cpus or 0,
    sampling_rate = raw.rate, lost_by_cpu = by_cpu, lost_by_event = by_event,
  }
end

--- Sentences about damage or limits of the trace.
---@return string[]
function M.notes(session)
  local notes, i = {}, 0
  while true do
    local note = C.oc_session_note(session, i)
    if note == nil then return notes end
    i = i + 1
    notes[i] = ffi.string(note)
  end
end

--- A fact of a recorded trace, or of this machine (abi/session.h lists them); "" when not known.
---@param name string
---@return string
function M.fact(session, name) return ffi.string(C.oc_session_fact(session, name)) end

---@class oc.Host what the trace knows of the machine that it is from; nil where nobody tells
---@field name? string
---@field kernel? string
---@field arch? string
---@field cpu? string model
---@field cpus_online? integer
---@field cpus_available? integer
---@field memory_bytes? number
---@field recorder? string what recorded the trace, and its version; "oc …" when live
---@field command? string the recorder's command line
---@field path? string of the trace
---@field start_wall_ns? number

--- All facts, as `trace.host`.
---@return oc.Host
function M.host(session)
  local facts = { start_wall_ns = M.start_wall_ns(session) }
  for _, name in ipairs { "kernel", "arch", "cpu", "recorder", "command", "path" } do
    local text = M.fact(session, name)
    facts[name] = text ~= "" and text or nil
  end
  for _, name in ipairs { "cpus_online", "cpus_available", "memory_bytes" } do
    facts[name] = tonumber(M.fact(session, name))
  end
  local name = M.fact(session, "host")
  facts.name = name ~= "" and name or nil
  return facts
end

--- The names of system calls by number, of the machine that the trace is from; empty when that is
--- of another kind than the one that built oc.
---@param session ffi.cdata*
---@return table<integer, string>
function M.syscalls(session)
  local arch = M.fact(session, "arch")
  local own = ({ x64 = "x86_64", arm64 = "aarch64" })[jit.arch]
  if arch ~= "" and arch ~= own then return {} end
  return require "oc.syscalls"
end

--- A trace on one line: where it is from, what it came to.
---@param trace oc.Trace
---@return string
function M.describe(trace)
  local name = trace._path or trace._source and trace._source.name or "of this machine"
  if trace._ran then
    local stats = M.stats(trace._session)
    return ("trace %s: %.0f records, %s"):format(name, stats.records,
      units.format_duration(stats.span_ns))
  end
  local span_ns = tonumber(M.fact(trace._session, "span_ns"))
  return ("trace %s: %snot run yet"):format(name,
    span_ns and units.format_duration(span_ns) .. ", " or "")
end

return M
