--- One small integer key per event.
local oc = require "oc"

local trace = oc.open {}
local by_id = oc.counter("id")
trace:on("raw_syscalls:sys_enter", function(e) by_id:count(e.id) end)
trace:run()
by_id:print { top = 3 }
