--- Where threads wait: the time that they did not run, by the stack with which they left the CPU.
---
--- Counts from the moment a thread is switched out to the one at which it runs again, so it is the
--- wait itself and then that for a CPU. Threads that were preempted could have run on: they are
--- left out unless --preempted is given. What waited when the trace began or ended is left out, as
--- are the idle task, threads that ended, and waits during which records were lost.
---
--- -p, -t and --comm choose whose waits are shown, also of a recording of the whole system, and -C
--- of a recording the CPUs on which they end, wherever they began. A recorded trace needs
--- sched:sched_switch with stacks, and, of a command or processes, SWITCH records: a thread comes
--- back in the context of whoever ran before, who is not traced. oc record --scenario off_cpu
--- records both. SWITCH records have no stacks: alone, their waits are grouped by name.
---
--- Example: oc script off_cpu -d 5s
--- Example: oc script off_cpu --by tid --top 5 -- make
--- Example: oc script off_cpu -i tests/fixtures/stacks.data --by tid --stacks
--- Example: oc script off_cpu -i tests/fixtures/stacks.data
--- Example: oc script off_cpu -i tests/fixtures/stacks.data --comm sh --min 100us
--- Example: oc script off_cpu -i tests/fixtures/stacks.data --folded --by tid
--- Example: oc script off_cpu -i tests/fixtures/switch.data

local oc = require "oc"

local opt = oc.args {
  by = oc.choice({ "stack", "comm", "tid" }, "stack", "what to group by, beside the name"),
  stacks = oc.flag(false, "by stack, too: with --by tid the stacks of each thread"),
  top = oc.number(10, "rows to print", { min = 1 }),
  min = oc.duration("0", "leave out shorter waits"),
  preempted = oc.flag(false, "also the time of threads that could have run on"),
  folded = oc.flag(false, "one line a stack, microseconds behind it, for flame graphs; with "
    .. "--by tid below each thread"),
}

local by_stack, by_tid = opt.by == "stack" or opt.stacks or opt.folded, opt.by == "tid"
local trace = oc.open { stacks = by_stack and "any" or nil }

local has_states = trace:has "sched:sched_switch"
if by_stack and not has_states then
  by_stack = false
  io.stderr:write("off_cpu: SWITCH records have no stacks: the waits are grouped by name; oc "
    .. "record -a -g -e sched:sched_switch records stacks\n")
end

local columns = { "comm" }
if by_tid then columns[2] = "tid" end
if by_stack then columns[#columns + 1] = "stack" end
columns[#columns + 1] = { unit = "ns" }
local waits = oc.stats(unpack(columns))
local with_preempted, least = opt.preempted, opt.min

-- Of threads that are off the CPU.
local since, stacks, comms = trace:scratch(), trace:scratch(), trace:scratch()

local add = by_stack and by_tid and function(took, tid)
  waits:add(took, comms[tid], tid, stacks[tid])
end or by_stack and function(took, tid) waits:add(took, comms[tid], stacks[tid])
end or by_tid and function(took, tid) waits:add(took, comms[tid], tid)
end or function(took, tid) waits:add(took, comms[tid]) end

--- The thread runs, or ended, or is another one: nothing is known of it any more.
local function forget(tid)
  since[tid], stacks[tid], comms[tid] = nil, nil, nil
end

--- Waits are of the CPU on which they end, wherever they began.
local function runs(tid, now, is_here)
  local began = since[tid]
  if not began then return end
  if is_here and now - began >= least then add(now - began, tid) end
  forget(tid)
end

-- A thread's return is seen in a SWITCH record of its own; in recordings without such it is the
-- switch of whoever ran before: so those of all threads are asked for.
local has_returns = trace:has "cswitch_in"
local whose = trace:is_recorded() and { tasks = "all" } or {}
local unseen = oc.counter("wait")

trace:on("cswitch", whose, function(e)
  local now, tid = e.time, e.tid
  runs(e.next_tid, now, e:cpu_is_target())
  if tid <= 0 then return end
  if since[tid] then  -- it came back, and nobody saw when
    unseen:count("without an end")
    forget(tid)
  end
  if e:is_target() and not e.exited and (with_preempted or not e.preempted) then
    since[tid], comms[tid] = now, e.comm
    if by_stack then stacks[tid] = e:get "stack" end
  end
end)
if has_returns then
  trace:on("cswitch_in", whose, function(e) runs(e.tid, e.time, e:cpu_is_target()) end)
end
trace:on("fork", whose, function(e) forget(e.args.tid) end)  -- the id is used again
trace:on("lost", function()  -- it may have run and waited again meanwhile
  for tid in pairs(since) do
    unseen:count("cut off")
    forget(tid)
  end
end)

-- Stacks that differ in addresses alone are one line.
local function print_folded()
  local lines = oc.sum("line")
  for _, row in ipairs(waits:rows()) do
    local thread = row.comm .. (row.tid and "/" .. row.tid or "")
    lines:add(row.sum, row.stack and thread .. ";" .. tostring(row.stack) or thread)
  end
  for _, row in ipairs(lines:rows()) do print(("%s %.0f"):format(row.line, row.sum / 1000)) end
end

trace:at_end(function()
  if #waits:rows() == 0 then
    io.stderr:write("off_cpu: no thread was seen to leave the CPU and come back\n")
  elseif opt.folded then
    print_folded()
  else
    waits:print { top = opt.top, sort = "sum" }
  end
  for _, row in ipairs(unseen:rows()) do
    io.stderr:write(("off_cpu: %d waits are left out, as %s\n"):format(row.count,
      row.wait == "cut off" and "records were lost meanwhile" or "their end is not in the trace"
        .. (has_returns and "" or "; oc record --scenario off_cpu records it")))
  end
end)
trace:run()
