-- The hot methods compile into their caller's loop: once warm, nothing is recorded that fails, and
-- no trace ends in a C function (is stitched). While warming up, traces of functions may fail.

local check = require "check"
local addr = require "oc.addr"
local aggregate = require "oc.aggregate"

local names, addresses = {}, {}
for i = 0, 63 do
  names[i] = "process-" .. i
  addresses[i] = addr(0x401000 + i * 16)
end

local util = require "jit.util"

local aborts, loops, stitches = {}, 0, 0
local function watch(what, trace, func, _, code)
  if what == "abort" then
    aborts[#aborts + 1] = tostring(code) .. " in " .. debug.getinfo(func, "S").short_src
  elseif what == "stop" then
    local kind = util.traceinfo(trace).linktype
    if kind == "loop" then loops = loops + 1 end
    if kind == "stitch" then stitches = stitches + 1 end
  end
end

local function compiles(body, object, weighted)
  local loop = loadstring([[
local object, names, addresses = ...
return function()
  for i = 1, 50000 do local at = bit.band(i * 13, 63) ]] .. body .. [[ end
end]])(object, names, addresses)
  jit.flush()
  aborts, loops, stitches = {}, 0, 0
  jit.attach(watch, "trace")
  loop()
  aborts = {}
  loop()
  jit.attach(watch)
  check(#aborts == 0, body .. " aborts: " .. table.concat(aborts, "; "))
  check(loops > 0, body .. " was not compiled")
  check(stitches == 0, body .. " is stitched")
  if object.total and not weighted then check.equal(object:total(), 100000) end
end

compiles("object:count()", aggregate.counter())
compiles("object:count(at)", aggregate.counter("a"))
compiles("object:count(at, i % 4)", aggregate.counter("a", "b"))
compiles("object:count(names[at])", aggregate.counter("a"))
compiles("object:count(names[at], at)", aggregate.counter("a", "b"))
compiles("object:count(addresses[at])", aggregate.counter("a"))
compiles("object:count(addresses[at].v)", aggregate.counter("a"))
compiles("object:count(at, names[at], i % 3, true)", aggregate.counter("a", "b", "c", "d"))
compiles("object:add(1, names[at])", aggregate.sum("a"))
compiles("object:add(i, names[at])", aggregate.stats("a"))
compiles("object:add(i, names[at])", aggregate.histogram("a"))
compiles("object:add(at, names[at])",
  aggregate.histogram("a", { linear = { min = 0, max = 64, step = 4 } }))
compiles("object:add(i, names[at])", aggregate.quantiles("a"))
compiles("object:add(i - 25000)", aggregate.quantiles())
compiles("object:count(names[at])", aggregate.topk(10, "a"))
compiles("object:add(i, names[at], at)", aggregate.topk(10, "a", "b"), true)

-- Several at once, cold: what is alive at an exit must stay little (see find_key).
local counter = aggregate.counter
local a, b, c = counter("a", "b", "c"), counter("a", "b"), counter("a")
compiles("object[1]:count(at, i % 4, i % 8) object[2]:count(at, i % 3) object[3]:count(at)",
  { a, b, c })
check.equal({ a:total(), b:total(), c:total() }, { 100000, 100000, 100000 })
