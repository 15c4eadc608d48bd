--- The bench of --jobs: every event into aggregates of each kind, as an analysis of a trace does.
local oc = require "oc"

local trace = oc.open {}
local counts = oc.counter("event", "comm", "cpu")
local waits = oc.quantiles("comm", { unit = "ns" })
local spread = oc.histogram("comm", "cpu", { unit = "ns" })
local threads = oc.topk(10, "comm")
local times = oc.stats("comm", "event", { unit = "ns" })

local function all(e)
  counts:count(e.event, e.comm, e.cpu)
  waits:add(e.time % 1000003, e.comm)
  spread:add(e.time % 65521, e.comm, e.cpu)
  threads:count(e.comm)
  times:add(e.time, e.comm, e.event)
end

trace:on("sched:*", all)
trace:on("raw_syscalls:*", all)
trace:run()

for _, aggregate in ipairs { counts, waits, spread, threads, times } do
  print(aggregate:json())
end
