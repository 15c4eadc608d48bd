--- Counts samples by stack and prints all of them: functions, modules, lines, inlined calls.
local oc = require "oc"

local opt = oc.args { how = oc.string("lines", "lines, folded or json") }
local trace = oc.open { stacks = "any" }
local by_stack = oc.counter("stack")
trace:on("cpu", function(e) by_stack:count(e.stack) end)
trace:run()
if opt.how == "json" then
  print(by_stack:json())
else
  by_stack:print { top = 2 ^ 31, stacks = opt.how }
end
