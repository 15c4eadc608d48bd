--- Two keys per event, one of them text: comm and id.
local oc = require "oc"

local trace = oc.open {}
local by_comm = oc.counter("comm", "id")
trace:on("raw_syscalls:sys_enter", function(e) by_comm:count(e.comm, e.id) end)
trace:run()
by_comm:print { top = 3 }
