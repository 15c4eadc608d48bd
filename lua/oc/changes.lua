--- Callbacks that come, go and change, before a trace runs and while it does.
--
-- The loop is generated for exactly the callbacks that there are. A change ends it behind the event
-- at hand; then it is generated anew and goes on with the next event:
--
--     batch:  e e e | h:off(): loop.count = at + 1 | M.apply: new loop | e e e …
--
-- Live, the kernel is asked at once for what is new, and is no longer asked for what nobody wants.
-- Its filter is never narrower than what the callbacks together let through.

local C = require "oc.abi"
local filter = require "oc.filter"
local kinds = require "oc.kinds"
local proxies = require "oc.proxy"
local session = require "oc.session"

local M = {}

local last = setmetatable({}, { __mode = "v" })  -- that was started

--- True when `call.fn` gets all those events already, under another name.
local function is_there(calls, call)
  for _, other in ipairs(calls) do
    local is_open = not other.filter or call.filter and other.filter.text == call.filter.text
    if other.given == call.given and other.where == call.where and is_open then return true end
  end
  return false
end

--- The callbacks of a handler that are on; each function gets an event once, whatever names it was
--- registered under.
local function active(handler)
  local calls = {}
  for _, call in ipairs(handler.all) do
    if call.is_on and not is_there(calls, call) then calls[#calls + 1] = call end
  end
  return calls
end

--- True between the start and the last batch.
---@param trace oc.Trace
---@return boolean
function M.is_running(trace) return trace._loop ~= nil and not trace._is_over end

--- The trace that was started last, if it goes on.
---@return oc.Trace?
function M.running_trace()
  return last.trace and M.is_running(last.trace) and last.trace or nil
end

--- Ends the loop behind the event at hand, so that `apply` is called.
---@param trace oc.Trace
function M.cut(trace)
  if not M.is_running(trace) then return end
  trace._is_changed = true
  local loop, at_hand = trace._loop, trace._phases
  -- No event is at hand, or a pause has left the batch already: it goes on behind `apply`.
  local is_left = at_hand.is_paused or at_hand.is_skipping
  if at_hand.at_batch_end or is_left or trace._stopping then return end
  trace._cut_at = loop.at + (at_hand.is_between and 0 or 1)
  C.oc_session_cut_batch(trace._session, trace._cut_at)
end

local function is_wanted(handler)
  for _, call in ipairs(handler.all) do
    if call.is_on then return true end
  end
  return false
end

--- Tells the kernel what the callbacks of a kind want now. Raises what it refuses, at the script's
--- line.
local function tell_kernel(trace, handler)
  if proxies.is_proxied(handler) then return end
  local number = handler.number
  if not is_wanted(handler) then
    if not trace._options.machine then  -- which wants them too
      C.oc_session_remove(trace._session, number)
      handler.is_asked = false
    end
    return
  end
  local text = trace._pushdown and filter.kernel_text(active(handler)) or ""
  if C.oc_session_change_kernel_filter(trace._session, number, text) ~= 0 then
    kinds.raise(trace._session, "filter")
  end
  if handler.is_asked then return end
  if C.oc_session_add(trace._session, number) ~= 0 then kinds.raise(trace._session) end
  handler.is_asked = true
end

--- The callbacks of these handlers have changed.
---@param trace oc.Trace
---@param handlers oc.Handler[]
function M.tell(trace, handlers)
  if not M.is_running(trace) then
    for _, handler in ipairs(handlers) do
      handler.calls = active(handler)
      if not proxies.is_proxied(handler) then C.oc_session_want(trace._session, handler.number) end
    end
    return
  end
  local ok, problem = pcall(function()
    for _, handler in ipairs(handlers) do tell_kernel(trace, handler) end
  end)
  C.oc_session_finish_kernel_filters(trace._session)  -- once for all: each wait takes some ms
  if not ok then error(problem, 0) end
  M.cut(trace)
end

--- Takes over what has changed: `rebuild()` generates the loop. True when events of the batch at
--- hand are left for it.
---@param trace oc.Trace
---@param rebuild fun()
---@return boolean
function M.apply(trace, rebuild)
  if not trace._is_changed then return false end
  trace._is_changed = false
  for _, list in ipairs { trace._handlers, trace._proxied } do
    for _, handler in ipairs(list) do handler.calls = active(handler) end
  end
  rebuild()
  local at, loop = trace._cut_at, trace._loop
  trace._cut_at = nil
  local is_full = trace._limit ~= nil and loop.left <= 0
  if not at or trace._stopping or trace._phases.is_paused or is_full then return false end
  C.oc_session_reopen_batch(trace._session)
  loop.at = at
  return at < loop.count
end

--- Once a trace has started: what was wanted before is asked for, but for what is off.
---@param trace oc.Trace
function M.begin(trace)
  last.trace = trace
  for _, handler in ipairs(trace._handlers) do
    handler.is_asked = true
    if not is_wanted(handler) then tell_kernel(trace, handler) end
  end
end

--- How often the kernel saw each event since the start, those that were lost too.
---@param trace oc.Trace
---@return table<string, number>
function M.counted(trace)
  local counted = {}
  for _, handler in ipairs(trace._handlers) do
    local count = C.oc_session_counted(trace._session, handler.number)
    if count > 0 then counted[handler.name] = (counted[handler.name] or 0) + count end
  end
  return counted
end

--- What a live trace runs: a row each event with how often it came.
---@param trace oc.Trace
---@param counted? table<string, number> how often the kernel saw each, of a trace that has ended
---@return { name: string, callbacks: number, seen: number, lost: number }[]
function M.events(trace, counted)
  local rows, stats = {}, trace:stats()
  counted = counted or M.counted(trace)
  for _, handler in ipairs(trace._handlers) do
    local on = 0
    for _, call in ipairs(handler.all) do on = on + (call.is_on and 1 or 0) end
    if on > 0 then
      rows[#rows + 1] = { name = handler.name, callbacks = on, seen = counted[handler.name] or 0,
        lost = stats.lost_by_event[handler.name] or 0 }
    end
  end
  table.sort(rows, function(a, b) return a.name < b.name end)
  return rows
end

---@class oc.SpoolStats
---@field bytes number held now, in whole blocks
---@field most_bytes number
---@field limit_bytes number
---@field times_full number that the rings had to wait; what came when they were full too was lost

--- What a spool holds; nil without one.
---@return oc.SpoolStats?
function M.spool(trace)
  local raw = require("ffi").new("oc_spool")
  C.oc_session_spool(trace._session, raw)
  if raw.limit_bytes == 0 then return nil end
  return { bytes = raw.used_bytes, most_bytes = raw.most_used_bytes,
    limit_bytes = raw.limit_bytes, times_full = raw.times_full }
end

--- 256 MiB, but no more than an eighth of memory.
---@param trace oc.Trace
---@return number bytes
function M.default_spool(trace)
  local memory = tonumber(session.fact(trace._session, "memory_bytes")) or 2 ^ 31
  return math.min(2 ^ 28, math.floor(memory / 8))
end

return M
