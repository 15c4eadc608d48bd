-- Timers in trace time, without a trace.

local check = require "check"
local timers = require "oc.timers"

local function going() return false end

--- The times at which one timer of each period fired up to `time`.
local function fired(periods, time, is_over)
  local t, times = timers.new(), {}
  for i, period in ipairs(periods) do t:add(period, i) end
  t:fire(time, function(_, due) times[#times + 1] = due end, is_over or going)
  return times, t
end

check.equal(fired({ 10, 15 }, 9), {})
check.equal((fired({ 10, 15 }, 45)), { 10, 15, 20, 30, 30, 40, 45 })
check.equal(#fired({ 1 }, 100001), 100001)

do -- a time stamp of nonsense: each timer fires once, at its last time
  local times, t = fired({ 1e6, 3e6 }, 2 ^ 55)
  check.equal(#times, 2)
  check(times[1] > 2 ^ 55 - 3e6 and times[2] <= 2 ^ 55, "the last times")
  check.equal(t.skipped, math.floor(2 ^ 55 / 1e6) - 1 + math.floor(2 ^ 55 / 3e6) - 1)
  check(t.next_due > 2 ^ 55, "all that was due is done")
  t:fire(2 ^ 55 + 1e6, function(_, due) times[#times + 1] = due end, going)
  check.equal(#times, 3)
end

-- A period less than the doubles' distance.
for _, time in ipairs { 2 ^ 55, 2 ^ 63, 1e300, math.huge } do
  local times, t = fired({ 1 }, time)
  check.equal(#times, 1)
  check(t.next_due > time or t.next_due == math.huge, "it ends")
end

do -- the end of the run is the end of a long row of firings
  local calls = 0
  local times, t = fired({ 10, 1000 }, 5000, function()
    calls = calls + 1
    return calls == 3
  end)
  check.equal(times, { 10, 20, 30 })
  check(t.next_due > 5000, t.next_due)
  check.equal(t.skipped, 0)
end

do -- periods count from the beginning of the time that was asked for
  local t, times = timers.new(), {}
  t:add(10, 1)
  t:add(15, 2)
  t:begin(100)
  t:begin(100)
  check.equal(t.next_due, 110)
  t:fire(130, function(_, due) times[#times + 1] = due end, going)
  check.equal(times, { 110, 115, 120, 130, 130 })
end
