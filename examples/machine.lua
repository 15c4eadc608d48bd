--- Questions to a whole trace: who spent how much where, who calls whom, as a profile for pprof.
---
--- Example: oc script -i tests/fixtures/stacks.data examples/machine.lua
--- Example: oc script -i tests/fixtures/stacks.data examples/machine.lua --comm gzip

local oc = require "oc"

local opt = oc.args {
  comm = oc.string("*", "threads of this name, or glob"),
  out = oc.string("", "write a file, its format by its name"),
}

local trace = oc.open { machine = true }
local m = trace:run():machine()
local filter = { kind = "page_fault", comm = opt.comm }

print(m:samples(filter):by("comm", "function"):top(5))
m:graph(filter):print { min = "10%" }
for process in m:processes { comm = opt.comm } do
  print(process.pid, process.comm, process.samples.count)
end
if opt.out ~= "" then m:export(opt.out, filter) end
