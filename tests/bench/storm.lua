--- System calls by comm, pid and id while a storm of them is on; one line of JSON at the end.
local oc = require "oc"

local trace = oc.open {}
local calls = oc.counter("comm", "pid", "id")
trace:on("raw_syscalls:sys_enter", function(e) calls:count(e.comm, e.pid, e.id) end)
trace:run()

-- Losses come by cpu and by event; either is the whole.
local function sum(lost)
  if type(lost) ~= "table" then return lost or 0 end
  local total = 0
  for _, count in pairs(lost.by_cpu or lost) do total = total + sum(count) end
  return total
end

print("calls\t" .. calls:json())
print("lost\t" .. string.format("%d", sum(trace:stats().lost)))
