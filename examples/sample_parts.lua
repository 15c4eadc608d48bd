--- Shows what a recording holds: the values of a group, branches, registers, build ids.
---
--- Example: oc script examples/sample_parts.lua -i tests/fixtures/group.data
--- Example: oc script examples/sample_parts.lua -i examples/traces/demo.data

local oc = require "oc"

local trace = oc.open {}
local records = oc.counter("record")

for _, name in ipairs { "comm", "exec", "fork", "exit", "mmap2", "ksymbol", "bpf_event", "cgroup",
  "namespaces" } do
  trace:on(name, function(e) records:count(e.event) end)
end

local shown = 0
trace:on("*", function(e)
  shown = shown + 1
  if shown > 3 then return end
  print(("%12.6f  %s  %s"):format(e.time / 1e9, e.comm, e.event))
  for _, read in ipairs(e:get "reads" or {}) do
    print(("      %s counted %d"):format(read.event or "it", read.value))
  end
  for i, branch in ipairs(e:get "branches" or {}) do
    if i <= 3 then print("      came from " .. tostring(branch.from)) end
  end
  local regs = e:get "user_regs"
  if regs and regs.sp then print("      stack pointer " .. tostring(regs.sp)) end
end)

trace:run()
records:print { title = "records" }
for i, build in ipairs(trace:build_ids()) do
  if i <= 3 then print(build.build_id, build.path) end
end
