--- Counts whatever events its user asks for, by process.
---
--- Example: oc script examples/event_log.lua -e page-faults,sched:sched_process_exec -- ls /
--- Example: oc script examples/event_log.lua --syscalls openat,read --comm 'b*,oc' -d 1s
--- Example: oc script examples/event_log.lua -e cpu-clock -C 0 -a -d 1s
local oc = require "oc"

local trace = oc.open {}
local counts = oc.counter("event", "comm")

if #trace.events == 0 then error("which events? as in -e page-faults,sched:*", 0) end
for _, name in ipairs(trace.events) do
  trace:on(name, function(e) counts:count(e.event, e.comm) end)
end
trace:run()
counts:print { top = 20 }
