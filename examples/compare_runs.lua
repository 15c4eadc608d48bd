--- How long system calls took, over all traces that are given; as fast as there are CPUs.
---
--- A call begins in one event and ends in another: what is remembered between them is in a table of
--- the trace's own (trace:scratch), so that each trace can be read by a process of its own.
---
--- Example: oc script -i perf.data -i perf.data --jobs 2 examples/compare_runs.lua
local oc = require "oc"

local opt = oc.args { top = oc.number(10, "rows to print") }

local trace = oc.open {}
local took = oc.quantiles("comm", "id", { unit = "ns" })
local busiest = oc.topk(opt.top, "comm", "id")
local began = trace:scratch()

trace:on("raw_syscalls:sys_enter", function(e)
  began[e.tid] = e.time
  busiest:count(e.comm, e.id)
end)
trace:on("raw_syscalls:sys_exit", function(e)
  local from = began[e.tid]
  if from then
    took:add(e.time - from, e.comm, e.id)
    began[e.tid] = nil
  end
end)
trace:run()

took:print { top = opt.top, sort = "p99" }
busiest:print {}
