--- Counts any events by any of their fields, or sums a field.
---
--- Events are separated by commas, and globs are welcome: --by may then name fields that only some
--- of them have (- stands for the others). An event that several of the names mean is counted once.
--- Fields are those of `oc list events NAME -v`, and event, comm, pid, tid, cpu.
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

local MOST_FIELDS = 3
local INTEGER, FLOAT = 0, 1  -- of a field's kind
local no_number = { comm = "text", event = "text", cgroup = "text", container = "text",
  ip = "an address" }

--- Ends as for any wrong option.
local function refuse(...)
  io.stderr:write("event_top: ", string.format(...), "\n")
  os.exit(2)
end

local sum = opt.sum
if #opt.by < 1 or #opt.by > MOST_FIELDS then
  refuse("--by takes one to three fields, not %d", #opt.by)
elseif sum and no_number[sum] then
  refuse("--sum wants a field of numbers, and '%s' is %s", sum, no_number[sum])
end

local trace = oc.open {}
local counts = sum and oc.sum(unpack(opt.by)) or oc.counter(unpack(opt.by))

--- A callback with a line of its own for each number of fields: nothing is made for an event.
local a, b, c = unpack(opt.by)
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
local count = by_fields[#opt.by]

--- A sum of texts or arrays means nothing.
local function check_number(event)
  for _, field in ipairs(event.format) do
    if field.name == sum and (field.hex or field.kind ~= INTEGER and field.kind ~= FLOAT) then
      refuse("--sum wants a field of numbers, and '%s' of %s is %s", sum, event.name, field.type)
    end
  end
end

local function has_field(event, field) return (pcall(event.field, event, field)) end

local known, globs = {}, {}  -- fields that some event of a glob has; the globs
local function learn(names, field)
  for i = 1, #names do
    if known[field] then return end
    known[field] = has_field(trace:event(names[i]), field)
  end
end

local fields = { unpack(opt.by) }
fields[#fields + 1] = sum
for _, name in ipairs(opt.events) do
  local event = trace:event(name)
  if name:find("[*?%[]") then
    globs[#globs + 1] = name
    for _, field in ipairs(fields) do learn(event.names, field) end
    if sum then for _, each in ipairs(event.names) do check_number(trace:event(each)) end end
  else  -- one event: a field that it does not have is an error now, with the nearest names
    for _, field in ipairs(fields) do
      event:field(field)
      known[field] = true
    end
    if sum then check_number(event) end
  end
end
for _, field in ipairs(fields) do
  if not known[field] then
    refuse("no event of '%s' has a field '%s'", table.concat(globs, ","), field)
  end
end
for _, name in ipairs(opt.events) do trace:on(name, count) end  -- each event once

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
