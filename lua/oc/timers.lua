--- Timers in trace time: due when an event at or after their time comes, or when the runtime says
--- that everything before some time has been delivered (also on an idle system).

---@class oc.Timers
---@field skipped number firings left out because far too many were due at once
---@field next_due number ns since the session began; math.huge without timers
local Timers = {}
Timers.__index = Timers

-- Due at once, with no event between, are more only after a wrong time stamp (a 1 ms timer takes
-- a gap of 100 s), and firing on would seem to hang.
local MOST_AT_ONCE = 100000

local M = {}

---@return oc.Timers
function M.new()
  return setmetatable({ next_due = math.huge, skipped = 0, _begin = 0 }, Timers)
end

--- Says from when on the periods count; 0 unless told.
---@param time number ns since the session began
function Timers:begin(time)
  if time == self._begin then return end
  for _, timer in ipairs(self) do timer.due = timer.due + time - self._begin end
  self.next_due, self._begin = self.next_due + time - self._begin, time
end

---@param period number ns, above 0
---@param from? number the time it counts from; 0, or the beginning once that is known
---@return table timer
function Timers:add(period, fn, from)
  local timer = { period = period, due = (from or self._begin) + period, fn = fn }
  self[#self + 1] = timer
  self.next_due = math.min(self.next_due, timer.due)
  return timer
end

function Timers:remove(timer)
  for i = #self, 1, -1 do
    if self[i] == timer then table.remove(self, i) end
  end
  local first = self:earliest()
  self.next_due = first and first.due or math.huge
end

--- The shortest period, ns; nil without timers.
function Timers:shortest()
  local shortest
  for _, timer in ipairs(self) do shortest = math.min(shortest or timer.period, timer.period) end
  return shortest
end

--- The one that is due first; nil without timers.
function Timers:earliest()
  local first
  for _, timer in ipairs(self) do
    if not first or timer.due < first.due then first = timer end
  end
  return first
end

--- How many firings of a timer are due at `time`, the last one not counted.
local function due_before_last(timer, time)
  return math.max(0, math.floor((time - timer.due) / timer.period))
end

--- Leaves out all firings up to `time` but the last of each timer, when they are too many.
local function skip(self, time)
  local count = 0
  for _, timer in ipairs(self) do count = count + due_before_last(timer, time) end
  if count <= MOST_AT_ONCE then return end
  self.skipped = self.skipped + count
  for _, timer in ipairs(self) do
    timer.due = timer.due + due_before_last(timer, time) * timer.period
  end
  self.next_due = self:earliest().due
end

--- Leaves out all firings up to `time`.
local function abandon(self, time)
  for _, timer in ipairs(self) do
    if timer.due <= time then
      timer.due = timer.due + (due_before_last(timer, time) + 1) * timer.period
    end
  end
  local first = self:earliest()
  self.next_due = first and math.max(first.due, time + 1) or math.huge
end

--- Fires what is due at `time`, in order of their times; `call(fn, due)` runs each. Once
--- `is_over()`, no second one is fired.
---@param time number ns
---@param call fun(fn: fun(), due: number)
---@param is_over fun(): boolean
function Timers:fire(time, call, is_over)
  if self.next_due > time then return end
  skip(self, time)
  repeat
    local timer = self:earliest()
    local due = timer.due
    -- Where doubles are further apart than the period, on to the next double.
    timer.due = math.max(due + timer.period, due * (1 + 2 ^ -52))
    self.next_due = self:earliest().due
    call(timer.fn, due)
    if is_over() then return abandon(self, time) end
  until self.next_due > time or self.next_due == math.huge
end

return M
