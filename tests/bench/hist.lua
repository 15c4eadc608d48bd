--- A log2 histogram: nanoseconds between one system call's start and the next, on any CPU.
local oc = require "oc"

local trace = oc.open {}
local gaps = oc.histogram { unit = "ns" }
local last = 0
trace:on("raw_syscalls:sys_enter", function(e)
  gaps:add(e.time - last)
  last = e.time
end)
trace:run()
gaps:print {}
