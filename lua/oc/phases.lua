--- Pauses of a run, and its named phases.
--
--     trace:pause()  …  trace:resume()         -- what happens between is not delivered
--     trace:phase("warm")                      -- from here on; trace:stats().phases has numbers
--
-- A pause takes effect behind the event at hand. Live, the kernel's events are stopped too, but for
-- those that tell names and threads. Timers go on: on a recorded trace they, and the phases of the
-- script, are what can end a pause.
--
--     batch:  e e e | pause: loop.count = 0 | skipped, timers fire | resume: the loop goes on

local C = require "oc.abi"
local errors = require "oc.errors"
local session = require "oc.session"

local M = {}

---@class oc.Phase
---@field name string
---@field start_ns number since the session began
---@field span_ns number
---@field events number delivered in it
---@field paused_ns number of the span

---@class oc.Phases
---@field list oc.Phase[]
---@field is_paused boolean
---@field skipped number events that pauses kept from the callbacks
---@field is_between boolean a timer runs: the event at loop.at has not been delivered
---@field is_skipping boolean M.skip runs: what pauses or resumes is a timer that it fires
---@field at_batch_end boolean no event is at hand
---@field skip_from? integer of the batch at hand, when a pause left it
local Phases = {}
Phases.__index = Phases

function M.new(is_paused)
  return setmetatable({ list = {}, is_paused = is_paused or false, skipped = 0, paused_at = 0,
    paused_ns = 0, at_batch_end = true, is_between = false }, Phases)
end

--- Trace time now: of the event at hand, or when a timer or hook was due.
local function now(trace)
  local loop, phases = trace._loop, trace._phases
  if not loop then return 0 end
  if phases.is_between then return trace._queue.c.of.time end
  if loop.events ~= nil and not phases.at_batch_end then return loop.events[loop.at].time end
  return loop.until_ns
end

M.now = now

--- Events delivered so far, the one at hand among them.
local function delivered(trace)
  local count = session.stats(trace._session).delivered_to_batches
  if trace._phases.at_batch_end then return count - trace._phases.skipped end
  local behind = C.oc_session_events_behind(trace._session)
  if trace._phases.is_between then behind = behind + 1 end
  return count - behind - trace._phases.skipped
end

local function set_paused(trace, is_paused)
  if C.oc_session_set_paused(trace._session, is_paused and 1 or 0) ~= 0 then
    session.raise(trace._session)
  end
end

--- Takes note of a pause or its end.
local function note(trace, is_paused)
  local phases = trace._phases
  phases.is_paused = is_paused
  if is_paused then
    phases.paused_at = now(trace)
  else
    phases.paused_ns = phases.paused_ns + math.max(0, now(trace) - phases.paused_at)
  end
end

---@param trace oc.Trace
function M.pause(trace)
  local phases = trace._phases
  if phases.is_paused then return end
  if not trace._loop or trace._is_over then
    phases.is_paused = not trace._is_over
    return
  end
  set_paused(trace, true)
  note(trace, true)
  if phases.is_skipping then return end  -- that goes on by itself
  phases.skip_from = nil
  if phases.at_batch_end then return end  -- the next batch is skipped from its beginning
  phases.skip_from = trace._loop.at + (phases.is_between and 0 or 1)
  trace._loop.count = 0
end

--- True when the run has as many events as `-n` wants.
local function is_full(trace) return trace._limit ~= nil and trace._loop.left <= 0 end

---@param trace oc.Trace
function M.resume(trace)
  local phases = trace._phases
  if not phases.is_paused then return end
  if not trace._loop or trace._is_over then
    phases.is_paused = false
    return
  end
  set_paused(trace, false)
  note(trace, false)
  -- In the callback that paused: nothing was skipped yet, and the loop is to go on.
  if not phases.is_skipping and not phases.at_batch_end and not trace._stopping then
    C.oc_session_reopen_batch(trace._session)
    if is_full(trace) then trace._loop.count = trace._loop.at + 1 end
    if trace._cut_at then C.oc_session_cut_batch(trace._session, trace._cut_at) end
    phases.skip_from = nil
  end
end

--- Passes over events while the run is paused; `fire(time)` fires timers. True when the batch has
--- events left to deliver, from loop.at on.
---@param trace oc.Trace
---@param fire? fun(time: number)
---@return boolean
function M.skip(trace, fire)
  local phases, loop = trace._phases, trace._loop
  if not phases.is_paused or trace._stopping or is_full(trace) then return false end
  C.oc_session_reopen_batch(trace._session)
  phases.is_skipping = true
  local at = phases.skip_from or 0
  phases.skip_from = nil
  while at < loop.count and phases.is_paused and not trace._stopping do
    local d = loop.events + at
    loop.at = at
    if fire and d.time >= loop.deadline then fire(d.time) end
    if phases.is_paused and not trace._stopping then
      phases.skipped = phases.skipped + 1
      at = at + 1
    end
  end
  phases.is_skipping = false
  if at < loop.count and not trace._stopping then
    loop.at = at
    return true
  end
  return false
end

--- A signal may have paused or resumed the run: the kernel's events are switched already.
---@param trace oc.Trace
---@param say fun(text: string)
function M.follow(trace, say)
  local is_paused = C.oc_session_is_paused(trace._session) ~= 0
  if is_paused == trace._phases.is_paused then return end
  note(trace, is_paused)
  trace._phases.skip_from = nil
  say(is_paused and "paused; SIGUSR1 resumes" or "resumed")
end

local function finish_last(trace, time)
  local phases = trace._phases
  local last = phases.list[#phases.list]
  if not last then return end
  if phases.is_paused and not trace._is_over then
    phases.paused_ns = phases.paused_ns + math.max(0, time - phases.paused_at)
    phases.paused_at = time
  end
  last.span_ns = time - last.start_ns
  last.events = delivered(trace) - phases.events_before
  last.paused_ns = phases.paused_ns - phases.paused_before
end

local function begin(phases, name, time, events)
  phases.list[#phases.list + 1] = { name = name, start_ns = time, span_ns = 0, events = 0,
    paused_ns = 0 }
  phases.events_before, phases.paused_before = events, phases.paused_ns
end

--- Begins a named phase, or tells the one at hand ("" before the first).
---@param trace oc.Trace
---@param name? string
---@return string
function M.phase(trace, name)
  local phases = trace._phases
  local last = phases.list[#phases.list]
  if name == nil then return last and last.name or "" end
  if type(name) ~= "string" or name == "" then
    errors.misuse("trace:phase wants a name", { token = "phase" })
  end
  if trace._is_over then errors.misuse("the run is over", { token = "phase" }) end
  local time, events = now(trace), trace._loop and delivered(trace) or 0
  if not last and time > 0 then begin(phases, "", 0, 0) end  -- what was before the first
  finish_last(trace, time)
  begin(phases, name, time, events)
  return name
end

--- The phases so far, the last one up to now; nil where none was named.
---@return oc.Phase[]?
function M.read(trace)
  local phases = trace._phases
  if #phases.list == 0 then return nil end
  finish_last(trace, trace._is_over and session.stats(trace._session).span_ns or now(trace))
  local copies = {}
  for i, phase in ipairs(phases.list) do
    copies[i] = {}
    for key, value in pairs(phase) do copies[i][key] = value end
  end
  return copies
end

return M
