--- Timers in trace time: due when an event at or after their time comes, or when the runtime says
--- that everything before some time has been delivered (also on an idle system).

---@class oc.Timers
---@field next_due number ns since the session began; math.huge without timers
local Timers = {}
Timers.__index = Timers

local M = {}

---@return oc.Timers
function M.new() return setmetatable({ next_due = math.huge }, Timers) end

---@param period number ns, above 0
function Timers:add(period, fn)
  self[#self + 1] = { period = period, due = period, fn = fn }
  self.next_due = math.min(self.next_due, period)
end

--- The shortest period, ns; nil without timers.
function Timers:shortest()
  local shortest
  for _, timer in ipairs(self) do shortest = math.min(shortest or timer.period, timer.period) end
  return shortest
end

local function earliest(self)
  local first
  for _, timer in ipairs(self) do
    if not first or timer.due < first.due then first = timer end
  end
  return first
end

--- Fires what is due at `time`, in order of their times; `call(fn, due)` runs each.
function Timers:fire(time, call)
  while self.next_due <= time do
    local timer = earliest(self)
    local due = timer.due
    timer.due = due + timer.period
    self.next_due = earliest(self).due
    call(timer.fn, due)
  end
end

return M
