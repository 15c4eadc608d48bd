--- A callback that gets a part of the events by a filter; if_in_body.lua does the same by itself.
local oc = require "oc"

local trace = oc.open {}
local by_thread = oc.counter("comm")
trace:on("raw_syscalls:sys_enter", { filter = "id == 1 && comm != 'nobody'" }, function(e)
  by_thread:count(e.comm)
end)
trace:run()
by_thread:print { top = 3 }
