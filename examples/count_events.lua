--- Counts any event by the name of the thread it happened in.
---
--- Example: oc script examples/count_events.lua sched:sched_wakeup -d 5s
--- Example: oc script examples/count_events.lua sched:sched_switch -i examples/traces/demo.data

local oc = require "oc"

local opt = oc.args {
  event = oc.event(nil, "which event", { positional = true, required = true }),
  top = oc.number(10, "rows to print"),
}

local trace = oc.open {}
local by_comm = oc.counter("comm")

trace:on(opt.event, function(e) by_comm:count(e.comm) end)
trace:run()
by_comm:print { top = opt.top, percent = true }
