--- System calls as samples and spans of the machine, made by callbacks: which take long, and where.
---
--- Example: oc script -i tests/fixtures/syscalls.data examples/slow_calls.lua
--- Example: oc script -i tests/fixtures/syscalls.data examples/slow_calls.lua --least 100us

local oc = require "oc"

local opt = oc.args { least = oc.duration("10us", "calls that took less are left out") }

local trace = oc.open { machine = true }
local m = trace:machine()  -- empty until the run
local names, began = trace:syscalls(), {}

trace:on("raw_syscalls:sys_enter", function(e) began[e.tid] = e.time end)

trace:on("raw_syscalls:sys_exit", function(e)
  local start = began[e.tid]
  began[e.tid] = nil
  if not start or e.time - start < opt.least then return end
  m:add_sample { kind = "slow", type = "duration", value = e.time - start, event = e,
    attributes = { call = names[e.id] or tostring(e.id) } }
end)

trace:run()
print(m:samples { kind = "slow" }:by("comm", "attribute:call"):top(10))
