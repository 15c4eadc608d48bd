--- What filtered.lua does, without its filter.
local oc = require "oc"

local trace = oc.open {}
local by_thread = oc.counter("comm")
trace:on("raw_syscalls:sys_enter", function(e)
  if e.id == 1 and e.comm ~= "nobody" then by_thread:count(e.comm) end
end)
trace:run()
by_thread:print { top = 3 }
