--- How many bytes read() was asked for and how many it returned: state kept between two events.
---
--- Example: oc script examples/read_sizes.lua -- md5sum /bin/ls
--- Example: oc script examples/read_sizes.lua -d 5s

local oc = require "oc"

local trace = oc.open {}
local asked = oc.histogram("comm", { unit = "bytes", title = "asked for" })
local got = oc.histogram("comm", { unit = "bytes", title = "returned" })

trace:on("syscalls:sys_enter_read", function(e) asked:add(e.count, e.comm) end)
trace:on("syscalls:sys_exit_read", function(e)
  if e.ret >= 0 then got:add(e.ret, e.comm) end
end)

trace:run()
asked:print { top = 3 }
got:print { top = 3 }
