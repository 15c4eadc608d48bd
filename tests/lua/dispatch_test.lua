-- The generated loop over a batch made here.

local check = require "check"
local dispatch = require "oc.dispatch"
local errors = require "oc.errors"
local ffi = require "ffi"
require "oc.abi"

local view_type = ffi.typeof("struct { const oc_event *_d; int32_t _name; }")

local kept = {}
local function batch(kinds_in_order)
  local loop = ffi.new("oc_loop")
  local events = ffi.new("oc_event[?]", #kinds_in_order)
  for i, kind in ipairs(kinds_in_order) do
    events[i - 1].event, events[i - 1].time = kind, i
  end
  loop.events, loop.count, loop.callback, loop.deadline = events, #kinds_in_order, 1, math.huge
  kept[#kept + 1] = events  -- a loop holds bare pointers
  return loop
end

local function handler(number, ...)
  local view, calls = view_type(), {}
  for i, fn in ipairs { ... } do calls[i] = { fn = fn, view = view } end
  return { number = number, calls = calls }
end

--- Handles a batch as run.lua does; returns the errors.
local function handle(loop, handlers, fire)
  local step, failed = dispatch.compile(loop, handlers, fire), {}
  local function fail(err) failed[#failed + 1] = tostring(err.message) end
  while loop.at < loop.count do
    local ok, err = xpcall(step, errors.make)
    if ok then break end
    fail(err)
    dispatch.step_over(loop, handlers, errors.make, fail)
  end
  return failed
end

local said
local function say(word)
  return function(e) said[#said + 1] = word .. e._d.time end
end
local function fail_at(time, word)
  return function(e)
    if e._d.time == time then error("bad " .. word, 0) end
    said[#said + 1] = word .. e._d.time
  end
end

-- Callbacks in order, kinds apart, what nobody wants is passed over.
said = {}
local loop = batch { 3, 5, 9, 3 }
check.equal(handle(loop, { handler(3, say "a", say "b"), handler(5, say "c") }), {})
check.equal(said, { "a1", "b1", "c2", "a4", "b4" })

-- An error does not keep the event from its other callbacks, nor the others from theirs.
said = {}
loop = batch { 3, 3, 5 }
check.equal(handle(loop, { handler(3, say "a", fail_at(1, "b"), say "c", fail_at(1, "d"), say "e"),
  handler(5, say "f") }), { "bad b", "bad d" })
check.equal(said, { "a1", "c1", "e1", "a2", "b2", "c2", "d2", "e2", "f3" })
said = {}
loop = batch { 3, 3 }
check.equal(handle(loop, { handler(3, fail_at(2, "a")) }), { "bad a" })
check.equal(said, { "a1" })

-- Stopping ends the batch; the event at hand still reaches its other callbacks.
said = {}
loop = batch { 3, 3, 3 }
handle(loop, { handler(3, function(e) if e._d.time == 2 then loop.count = 0 end end, say "a") })
check.equal(said, { "a1", "a2" })

-- One event under two names: each callback sees the view of its name.
said = {}
loop = batch { 3 }
local names = {}
local function see(e) names[#names + 1] = e._name * 10 + e._d.time end
local first, second = view_type(nil, 1), view_type(nil, 2)
handle(loop, { { number = 3, calls = { { fn = see, view = first }, { fn = see, view = second },
  { fn = see, view = first } } } })
check.equal(names, { 11, 21, 11 })

-- More handlers than a function has upvalues: the same by tables.
said = {}
local many, order = {}, {}
for i = 1, 60 do
  many[i] = handler(i, say("k" .. i .. "-"), i == 7 and fail_at(7, "x") or nil,
    i == 7 and say "y" or nil)
  order[i] = i
end
loop = batch(order)
check.equal(handle(loop, many), { "bad x" })
check.equal(#said, 61)
check.equal({ said[7], said[8], said[9], said[61] }, { "k7-7", "y7", "k8-8", "k60-60" })
check(dispatch.source(many, false):find("by_event[event]", 1, true), "by tables")

-- Timers fire between events; one that stops the run keeps its event from being delivered.
said = {}
loop = batch { 3, 3, 3 }
loop.deadline = 2
handle(loop, { handler(3, say "a") }, function(time)
  said[#said + 1] = "t" .. time
  loop.deadline = time + 1
  if time == 3 then loop.count = 0 end
end)
check.equal(said, { "a1", "t2", "a2", "t3" })

-- Nobody wants anything.
loop = batch { 3 }
check.equal(handle(loop, {}), {})
check(#kept > 0)

-- Callbacks with filters: each gets what its own lets through, an error included; what none lets
-- through is counted, and a limit counts what one did.
local function filtered(number, ...)
  local made = handler(number, ...)
  made.calls[1].filter = { test = function(d) return d.time ~= 2 end }
  if made.calls[2] then made.calls[2].filter = { test = function(d) return d.time > 2 end } end
  return made
end

local function with_filters(limit, more)
  said = {}
  local handlers = { filtered(3, fail_at(3, "a"), say "b"), handler(5, say "c") }
  for i = 1, more do handlers[#handlers + 1] = filtered(100 + i, say "x") end
  local filters = batch { 3, 3, 3, 5, 3 }
  filters.left = limit or 0
  local step, failed = dispatch.compile(filters, handlers, nil, nil, nil, limit ~= nil), {}
  while filters.at < filters.count do
    local ok, err = xpcall(step, errors.make)
    if ok then break end
    failed[#failed + 1] = err.message
    dispatch.step_over(filters, handlers, errors.make, print)
  end
  check.equal(failed, { "bad a" })
  check.equal(filters.filtered, 1)
end

for _, more in ipairs { 0, 60 } do  -- in the chain, and by tables
  with_filters(nil, more)
  check.equal(said, { "a1", "b3", "c4", "a5", "b5" })
  with_filters(3, more)
  check.equal(said, { "a1", "b3", "c4" })
  with_filters(2, more)
  check.equal(said, { "a1", "b3" })
end
