--- Of each process, in the order of their first samples: how many samples the named functions of
--- one module have. Lines "pid<tab>name<tab>samples", "?" for none.
local oc = require "oc"

local opt = oc.args { module = oc.string("", "its path"), event = oc.string("cpu-clock", "which") }
local trace = oc.open { stacks = "any" }
local order, by_pid = {}, {}

trace:on(opt.event, function(e)
  local pid = e.pid
  if not by_pid[pid] then
    by_pid[pid] = {}
    order[#order + 1] = pid
  end
  table.insert(by_pid[pid], e.stack)
end)
trace:run()

for _, pid in ipairs(order) do
  local counts = {}
  for _, stack in ipairs(by_pid[pid]) do
    local seen = {}
    for _, frame in ipairs(stack:frames()) do
      local name = frame.name or "?"
      if frame.module == opt.module and not seen[name] then
        seen[name] = true
        counts[name] = (counts[name] or 0) + 1
      end
    end
  end
  for name, count in pairs(counts) do print(("%d\t%s\t%d"):format(pid, name, count)) end
end
