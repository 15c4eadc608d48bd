-- Nanoseconds per addition of each kind of key, with a plain Lua table and an empty loop beside it.

local addr = require "oc.addr"
local aggregate = require "oc.aggregate"
local ffi = require "ffi"

-- As `oc script` does: or the code of the last cases would not fit any more.
require("jit.opt").start("maxmcode=16384", "maxtrace=8000", "maxrecord=16000")

local ROUNDS, COUNT = 5, 4000000

local names = {}
for i = 0, 63 do names[i] = "process-" .. i end
local addresses = ffi.new("oc_addr[64]")
for i = 0, 63 do addresses[i].v = 0xffffffff81000000ULL + i * 64 end
local pids = ffi.new("int32_t[64]")
for i = 0, 63 do pids[i] = 1000 + i * 37 end

-- Each case has a loop of its own, as each script has: one shared loop would be compiled for the
-- first.
local template = [[
local object, names, addresses, pids, addr = ...
local band = bit.band
return function(count)
  for i = 1, count do
    local at = band(i * 13, 63)
    %s
  end
end]]

local function measure(name, object, body)
  local loop = loadstring(template:format(body))(object, names, addresses, pids, addr)
  -- A trace recorded while keys are still new has the miss as its main path: what counts is the
  -- steady state, which a host reaches by flushing once after its first events.
  loop(1000)
  jit.flush()
  local best = math.huge
  for _ = 1, ROUNDS do
    local start = os.clock()
    loop(COUNT)
    best = math.min(best, os.clock() - start)
  end
  print(("%-34s %6.2f ns"):format(name, best / COUNT * 1e9))
end

measure("loop alone (sum of ints)", {}, "object.n = (object.n or 0) + pids[at]")
measure("plain table t[string]", {}, "local k = names[at]; object[k] = (object[k] or 0) + 1")
measure("plain table t[int]", {}, "local k = pids[at]; object[k] = (object[k] or 0) + 1")
measure("counter, no key", aggregate.counter(), "object:count()")
measure("counter int", aggregate.counter("a"), "object:count(pids[at])")
measure("counter 2 ints", aggregate.counter("a", "b"), "object:count(pids[at], band(i, 3))")
measure("counter string", aggregate.counter("a"), "object:count(names[at])")
measure("counter string+int", aggregate.counter("a", "b"), "object:count(names[at], band(i, 3))")
measure("counter address", aggregate.counter("a"), "object:count(addresses[at])")
measure("counter u64", aggregate.counter("a"), "object:count(addresses[at].v)")
measure("counter 3 ints", aggregate.counter("a", "b", "c"),
  "object:count(pids[at], band(i, 3), band(i, 7))")
measure("sum string", aggregate.sum("a"), "object:add(i, names[at])")
measure("stats string", aggregate.stats("a"), "object:add(i, names[at])")
measure("histogram log2, no key", aggregate.histogram(), "object:add(i)")
measure("histogram log2, string", aggregate.histogram("a"), "object:add(i, names[at])")
measure("histogram linear, no key",
  aggregate.histogram({ linear = { min = 0, max = 1e6, step = 1e4 } }), "object:add(i)")
measure("quantiles, no key", aggregate.quantiles(), "object:add(i)")
measure("quantiles, string", aggregate.quantiles("a"), "object:add(i, names[at])")
measure("quantiles, 0.1 %", aggregate.quantiles({ error = 0.001 }), "object:add(i)")
measure("topk string", aggregate.topk(10, "a"), "object:count(names[at])")
measure("topk int, all exact", aggregate.topk(10, "a"), "object:count(pids[at])")
measure("topk int, 100k keys, 1000 kept", aggregate.topk(10, "a"),
  "object:count(band(i, 1) == 0 and at or band(i * 7, 131071))")
measure("counter int, 100k keys", aggregate.counter("a"), "object:count(band(i * 7, 131071))")

-- Only one path through a loop is the loop's own trace; an event that is not the hottest is
-- counted in a side trace, where nothing is hoisted. Half of these calls are there.
print "two counters in turn, half in a side trace (ns per call):"
local function measure_two(name, a, b, keys)
  local body = ([[if band(i, 7) < 4 then object[1]:count(%s) else object[2]:count(%s) end]]):format(
    keys, keys)
  measure(name, { a, b }, body)
end
measure_two("  int", aggregate.counter("a"), aggregate.counter("a"), "pids[at]")
measure_two("  2 ints", aggregate.counter("a", "b"), aggregate.counter("a", "b"),
  "pids[at], band(i, 3)")
measure_two("  string", aggregate.counter("a"), aggregate.counter("a"), "names[at]")
measure_two("  string+int", aggregate.counter("a", "b"), aggregate.counter("a", "b"),
  "names[at], band(i, 3)")
