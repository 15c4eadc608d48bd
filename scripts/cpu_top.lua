--- Which processes use the CPU: live, or from a recorded trace.
---
--- Counts CPU samples by process name and prints the top of them at every interval; --every 0
--- prints once, at the end. A sample stands for 1/frequency seconds of one CPU. The idle task
--- (swapper) is left out unless --idle is given, so percentages are of the CPU time that was used.
--- With --stacks each row is a stack, printed below it; with --folded one line at the end, the
--- number of samples behind it, for flame graphs. Live, stacks are by frame pointers, or as
--- --call-graph says.
---
--- Example: oc script cpu_top
--- Example: oc script cpu_top --every 5s --top 20 -d 1m
--- Example: oc script cpu_top -i perf.data --every 0
--- Example: oc script cpu_top --by tid -- make -j4
--- Example: oc script cpu_top --stacks --every 0 --top 3 -- make
--- Example: oc script cpu_top -i tests/fixtures/clock.data --stacks --every 0
--- Example: oc script cpu_top -i tests/fixtures/clock.data --folded --by pid

local oc = require "oc"

local opt = oc.args {
  frequency = oc.number(999, "samples per second on each CPU", { short = "F", min = 1,
    max = 1e9 }),
  top = oc.number(10, "rows to print", { min = 1 }),
  every = oc.duration("1s", "how often to print; 0: once, at the end"),
  by = oc.choice({ "comm", "pid", "tid", "cpu" }, "comm", "what to count by"),
  idle = oc.flag(false, "count the idle task too"),
  stacks = oc.flag(false, "by stack, too"),
  folded = oc.flag(false, "one line a stack, samples behind it, for flame graphs; below what --by "
    .. "says"),
}
local by_stack, every = opt.stacks or opt.folded, opt.folded and 0 or opt.every

local trace = oc.open { cpu = { frequency = opt.frequency }, stacks = by_stack and "any" or nil }
local columns = { "comm" }
if opt.by ~= "comm" then columns[2] = opt.by end
if by_stack then columns[#columns + 1] = "stack" end
local samples = oc.counter(unpack(columns))

local idle_tid = opt.idle and -2 or 0  -- no thread has the first

local count = {
  comm = function(e) if e.tid ~= idle_tid then samples:count(e.comm) end end,
  pid = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.pid) end end,
  tid = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.tid) end end,
  cpu = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.cpu) end end,
}

local count_stacks = {
  comm = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.stack) end end,
  pid = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.pid, e.stack) end end,
  tid = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.tid, e.stack) end end,
  cpu = function(e) if e.tid ~= idle_tid then samples:count(e.comm, e.cpu, e.stack) end end,
}

local printed = false

-- Stacks that differ in addresses alone are one line.
local function show_folded()
  local lines = oc.sum("line")
  for _, row in ipairs(samples:rows()) do
    local owner = row.comm .. (opt.by ~= "comm" and "/" .. row[opt.by] or "")
    lines:add(row.count, owner .. ";" .. tostring(row.stack))
  end
  for _, row in ipairs(lines:rows()) do print(("%s %.0f"):format(row.line, row.sum)) end
end

--- Prints what was counted up to a time (ns) and begins anew.
local function show(time)
  if samples:total() == 0 then return end
  local title = every > 0 and ("%.6g s"):format(time / 1e9) or nil
  if opt.folded then show_folded()
  else samples:print { top = opt.top, percent = true, title = title } end
  samples:clear()
  printed = true
end

trace:on("cpu", (by_stack and count_stacks or count)[opt.by])
if every > 0 then trace:every(every, show) end
trace:at_end(function()
  show(trace:stats().span_ns)
  if not printed then io.stderr:write("cpu_top: nothing used the CPU\n") end
end)
trace:run()
