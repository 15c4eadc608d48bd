--- Which code touches memory for the first time: page faults by stack.
---
--- Each fault is counted with the stack that caused it; --by symbol adds up all stacks that end in
--- the same function, --by module those that end in the same file. A recorded trace needs page
--- faults with stacks: oc record -g -c 1 -e page-faults.
---
--- Example: oc script page_fault_stacks -- ls -R /usr/share
--- Example: oc script page_fault_stacks -i tests/fixtures/stacks.data --top 3
--- Example: oc script page_fault_stacks -i tests/fixtures/stacks.data --by module
--- Example: oc script page_fault_stacks -i tests/fixtures/stacks.data --folded
--- Example: oc script page_fault_stacks -i tests/fixtures/stacks.data --folded --by symbol

local oc = require "oc"

local opt = oc.args {
  by = oc.choice({ "stack", "symbol", "module" }, "stack", "what to group by, beside the name"),
  top = oc.number(10, "rows to print", { min = 1 }),
  folded = oc.flag(false, "one line a stack (or what --by says), the number of faults behind it, "
    .. "for flame graphs"),
}

local trace = oc.open { stacks = opt.by == "stack" and "any" or nil, symbols = true }
local faults = oc.counter("comm", opt.by)

local count = {
  stack = function(e) faults:count(e.comm, e.stack) end,
  symbol = function(e) faults:count(e.comm, e.symbol) end,
  module = function(e) faults:count(e.comm, e.module) end,
}
trace:on("page_fault", count[opt.by])

trace:at_end(function()
  if faults:total() == 0 then
    io.stderr:write("page_fault_stacks: there were no page faults\n")
  elseif opt.folded then
    local lines = oc.sum("line")  -- stacks that differ in addresses alone are one
    for _, row in ipairs(faults:rows()) do
      lines:add(row.count, row.comm .. ";" .. tostring(row[opt.by]))
    end
    for _, row in ipairs(lines:rows()) do print(("%s %.0f"):format(row.line, row.sum)) end
  else
    faults:print { top = opt.top, percent = true }
  end
end)
trace:run()
