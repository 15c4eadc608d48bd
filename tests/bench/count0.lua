local oc = require "oc"
local trace = oc.open {}
local switches, calls = oc.counter("next_pid"), oc.counter("id")
trace:on("sched:sched_switch", function(e) switches:count(e.next_pid) end)
trace:on("raw_syscalls:sys_enter", function(e) calls:count(e.id) end)
trace:run()
switches:print { top = 5 }
calls:print { top = 5 }
local s = trace:stats()
print(s.events, s.records, s.late, s.malformed, s.unknown, s.lost)
