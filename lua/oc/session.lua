--- A session of the C face: made, asked, its failures raised. Traces and `oc list` share it.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local host = require "oc.host"

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
  if source then return session, source:open(session) end
  if path and C.oc_session_open_file(session, path) ~= 0 then M.raise(session) end
  return session
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
---@field own number made by oc itself, left out
---@field span_ns number from the beginning to the newest record
---@field cpu_ns number CPU time that oc used since the run began
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
    events = raw.delivered, records = raw.records, bytes = raw.bytes, lost = raw.lost,
    filtered = raw.filtered,
    late = raw.late, malformed = raw.malformed, unknown = raw.unknown, own = raw.own,
    span_ns = raw.span_ns, cpu_ns = raw.cpu_ns, lost_by_cpu = by_cpu, lost_by_event = by_event,
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

--- A fact of a recorded trace (host, kernel, arch, cpu, command, path); "" when not known.
---@param name string
---@return string
function M.fact(session, name) return ffi.string(C.oc_session_fact(session, name)) end

return M
