--- Where threads wait: the time that they did not run, by the stack with which they left the CPU.
---
--- Counts from the moment a thread is switched out to the one at which it runs again, so it is the
--- wait itself and then that for a CPU. Threads that were preempted could have run on: they are
--- left out unless --preempted is given. What waited when the trace began or ended is left out, as
--- is the idle task. A recorded trace needs sched:sched_switch with stacks
--- (oc record -a -g -e sched:sched_switch); with SWITCH records alone use --by comm or tid.
---
--- Example: oc script off_cpu -d 5s
--- Example: oc script off_cpu --by tid --top 5 -- make
--- Example: oc script off_cpu -i tests/fixtures/stacks.data
--- Example: oc script off_cpu -i tests/fixtures/stacks.data --comm sh --min 100us
--- Example: oc script off_cpu -i tests/fixtures/stacks.data --folded
--- Example: oc script off_cpu -i tests/fixtures/switch.data --by comm

local oc = require "oc"

local opt = oc.args {
  by = oc.choice({ "stack", "comm", "tid" }, "stack", "what to group by, beside the name"),
  top = oc.number(10, "rows to print", { min = 1 }),
  min = oc.duration("0", "leave out shorter waits"),
  preempted = oc.flag(false, "also the time of threads that could have run on"),
  folded = oc.flag(false, "one line a stack, microseconds behind it, for flame graphs"),
}

local by_stack, by_tid = opt.by == "stack" or opt.folded, opt.by == "tid"
local trace = oc.open { stacks = by_stack and "any" or nil }
local waits = by_stack and oc.stats("comm", "stack", { unit = "ns" })
  or by_tid and oc.stats("comm", "tid", { unit = "ns" }) or oc.stats("comm", { unit = "ns" })
local with_preempted, least = opt.preempted, opt.min

local since, stacks, comms = {}, {}, {}  -- of threads that are off the CPU; false: they are not

trace:on("cswitch", function(e)
  local now, tid, next_tid = e.time, e.tid, e.next_tid
  local began = since[next_tid]
  if began and now - began >= least then
    if by_stack then
      waits:add(now - began, comms[next_tid], stacks[next_tid])
    elseif by_tid then
      waits:add(now - began, comms[next_tid], next_tid)
    else
      waits:add(now - began, comms[next_tid])
    end
  end
  since[next_tid] = false
  if tid > 0 and (with_preempted or not e.preempted) then
    since[tid], comms[tid] = now, e.comm
    if by_stack then stacks[tid] = e:get "stack" end
  end
end)

-- SWITCH records of one task do not say who runs next: its own switch-in does.
if trace:has "switch_in" and not trace:has "sched:sched_switch" then
  trace:on("switch_in", function(e)
    local began = since[e.tid]
    if began and e.time - began >= least then
      if by_tid then waits:add(e.time - began, comms[e.tid], e.tid)
      elseif not by_stack then waits:add(e.time - began, comms[e.tid])
      else waits:add(e.time - began, comms[e.tid], nil) end
    end
    since[e.tid] = false
  end)
end

trace:at_end(function()
  if #waits:rows() == 0 then
    io.stderr:write("off_cpu: no thread was seen to leave the CPU and come back\n")
  elseif opt.folded then
    for _, row in ipairs(waits:rows("sum")) do
      print(("%s;%s %.0f"):format(row.comm, tostring(row.stack), row.sum / 1000))
    end
  else
    waits:print { top = opt.top, sort = "sum" }
  end
end)
trace:run()
