--- A key of exact 64 bits per event: what the system call returned.
local oc = require "oc"

local trace = oc.open {}
local by_ret = oc.counter("ret")
trace:on("raw_syscalls:sys_exit", function(e) by_ret:count(e:u64 "ret") end)
trace:run()
by_ret:print { top = 3 }
