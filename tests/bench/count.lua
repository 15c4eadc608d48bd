--- The bench's main job: sched_switch by next_pid, sys_enter by id (count.py does the same).
local oc = require "oc"

local trace = oc.open {}
local switches = oc.counter("next_pid")
local syscalls = oc.counter("id")

trace:on("sched:sched_switch", function(e) switches:count(e.next_pid) end)
trace:on("raw_syscalls:sys_enter", function(e) syscalls:count(e.id) end)
trace:run()

print("switches\t" .. switches:json())
print("syscalls\t" .. syscalls:json())
