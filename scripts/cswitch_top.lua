--- Which threads are switched out most, and whether they gave up the CPU or were preempted.
---
--- Counts context switches by the name of the thread that stopped running: `blocked` when it waited
--- for something, `preempted` when it could have run on. A yield counts as preempted.
---
--- Example: oc script cswitch_top -d 10s
--- Example: oc script cswitch_top -i perf.data --by tid
--- Example: oc script cswitch_top --every 1s -- make

local oc = require "oc"

local opt = oc.args {
  top = oc.number(20, "rows to print", { min = 1 }),
  every = oc.duration("0s", "how often to print; 0: once, at the end"),
  by = oc.choice({ "comm", "tid", "cpu" }, "comm", "what to count by"),
}

local trace = oc.open {}
local names = opt.by == "comm" and { "comm", "why" } or { "comm", opt.by, "why" }
local switches = oc.counter(unpack(names))

local count = {
  comm = function(e) switches:count(e.comm, e.preempted and "preempted" or "blocked") end,
  tid = function(e) switches:count(e.comm, e.tid, e.preempted and "preempted" or "blocked") end,
  cpu = function(e) switches:count(e.comm, e.cpu, e.preempted and "preempted" or "blocked") end,
}

local printed = false

local function show()
  if switches:total() == 0 then return end
  switches:print { top = opt.top, percent = true }
  switches:clear()
  printed = true
end

trace:on("cswitch", count[opt.by])
if opt.every > 0 then trace:every(opt.every, show) end
trace:at_end(function()
  show()
  if not printed then io.stderr:write("cswitch_top: no context switches were seen\n") end
end)
trace:run()
