--- Counts any events by any of their fields, or sums a field.
---
--- Events are separated by commas, and globs are welcome: --by may then name fields that only some
--- of them have (- stands for the others). Fields are those of `oc list events NAME -v`, and
--- event, comm, pid, tid, cpu.
---
--- Example: oc script event_top sched:sched_switch --by next_comm -d 5s
--- Example: oc script event_top 'sched:sched_process_*' --by event,comm -- make
--- Example: oc script event_top -i perf.data sched:sched_switch --by prev_comm,prev_state
--- Example: oc script event_top -i perf.data raw_syscalls:sys_exit --by comm --sum ret

local oc = require "oc"

local opt = oc.args {
  events = oc.list(nil, "events to count, or globs", { positional = true, required = true }),
  by = oc.list("comm", "fields to count by, separated by commas"),
  sum = oc.string(nil, "add up this field instead of counting"),
  top = oc.number(20, "rows to print", { min = 1 }),
  every = oc.duration("0s", "how often to print; 0: once, at the end"),
}

local trace = oc.open {}
local counts = opt.sum and oc.sum(unpack(opt.by)) or oc.counter(unpack(opt.by))

--- A callback with a line of its own for each number of fields: nothing is made for an event.
local a, b, c = unpack(opt.by)
local sum = opt.sum
local function add(e, ...)
  if not sum then return counts:count(...) end
  local value = e:get(sum)
  if value then counts:add(value, ...) end
end
local by_fields = {
  function(e) add(e, e:get(a)) end,
  function(e) add(e, e:get(a), e:get(b)) end,
  function(e) add(e, e:get(a), e:get(b), e:get(c)) end,
}
local count = by_fields[#opt.by] or error("--by takes up to three fields")

for _, name in ipairs(opt.events) do
  -- One event: a field that it does not have is an error now, with the nearest names.
  if not name:find("[*?%[]") then
    for _, field in ipairs(opt.by) do trace:event(name):field(field) end
    if sum then trace:event(name):field(sum) end
  end
  trace:on(name, count)
end

--- Prints what was counted up to a time (ns) and begins anew.
local function show(time)
  if #counts:rows() == 0 then return end
  local title = opt.every > 0 and ("%.6g s"):format(time / 1e9) or nil
  counts:print { top = opt.top, percent = not sum, title = title }
  counts:clear()
end

if opt.every > 0 then trace:every(opt.every, show) end
trace:at_end(function()
  show(trace:stats().span_ns)
  if trace:stats().events == 0 then io.stderr:write("event_top: none of the events was seen\n") end
end)
trace:run()
