--- Which threads are switched out most, and whether they gave up the CPU or were preempted.
---
--- Counts context switches by the name of the thread that stopped running: `blocked` when it waited
--- for something, `preempted` when it could have run on. A yield counts as preempted.
--- The idle task (swapper) is left out unless --idle is given.
---
--- Example: oc script cswitch_top -d 10s
--- Example: oc script cswitch_top -i perf.data --by tid
--- Example: oc script cswitch_top -i perf.data --time -50ms,
--- Example: oc script cswitch_top --every 1s -- make

local oc = require "oc"

local opt = oc.args {
  top = oc.number(20, "rows to print", { min = 1 }),
  every = oc.duration("0s", "how often to print; 0: once, at the end"),
  by = oc.choice({ "comm", "tid", "cpu" }, "comm", "what to count by"),
  idle = oc.flag(false, "count the idle task too"),
}

local trace = oc.open {}
local names = opt.by == "comm" and { "comm", "why" } or { "comm", opt.by, "why" }
local switches = oc.counter(unpack(names))

local idle_tid = opt.idle and -2 or 0  -- no thread has the first

local function why(e) return e.preempted and "preempted" or "blocked" end

local count = {
  comm = function(e) if e.tid ~= idle_tid then switches:count(e.comm, why(e)) end end,
  tid = function(e) if e.tid ~= idle_tid then switches:count(e.comm, e.tid, why(e)) end end,
  cpu = function(e) if e.tid ~= idle_tid then switches:count(e.comm, e.cpu, why(e)) end end,
}

local printed = false

--- Prints what was counted up to a time (ns) and begins anew.
local function show(time)
  if switches:total() == 0 then return end
  local title = opt.every > 0 and ("%.6g s"):format(time / 1e9) or nil
  switches:print { top = opt.top, percent = true, title = title }
  switches:clear()
  printed = true
end

trace:on("cswitch", count[opt.by])
if opt.every > 0 then trace:every(opt.every, show) end
trace:at_end(function()
  show(trace:stats().span_ns)
  if not printed then io.stderr:write("cswitch_top: no context switches were seen\n") end
end)
trace:run()
