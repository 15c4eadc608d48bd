--- Context switches per tenth of a second, as a bar a line: timers in trace time.
---
--- Example: oc script examples/ticks.lua -d 3s
--- Example: oc script examples/ticks.lua -i examples/traces/demo.data

local oc = require "oc"

local trace = oc.open {}
local switches, ticks = 0, 0

trace:on("cswitch", function() switches = switches + 1 end)
trace:every("100ms", function()
  ticks = ticks + 1
  print(("%5.1f s %6d %s"):format(ticks / 10, switches, ("#"):rep(math.min(switches / 20, 60))))
  switches = 0
end)
trace:run()
