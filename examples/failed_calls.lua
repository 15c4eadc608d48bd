--- System calls by name of thread, filtered: each callback has a filter of its own.
---
--- Example: oc script examples/failed_calls.lua -i perf.data
--- Example: oc script examples/failed_calls.lua -d 1s --filter "comm != 'make'"

local oc = require "oc"

local trace = oc.open {}
local moved, failed = oc.counter("comm", { title = "read and write" }),
  oc.counter("comm", "id", { title = "failed" })

trace:on("raw_syscalls:sys_enter", { filter = "id in (0, 1)" }, function(e)
  moved:count(e.comm)
end)
trace:on("raw_syscalls:sys_exit", { filter = "ret < 0 && ret > -4096 && !(comm =~ 'kworker*')" },
  function(e) failed:count(e.comm, e.id) end)

trace:run()
moved:print { top = 5 }
failed:print { top = 5 }
