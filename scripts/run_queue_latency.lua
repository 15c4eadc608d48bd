--- How long threads wait for a CPU: from being runnable to running, by thread and as a histogram.
---
--- A thread waits from its wake-up, or from being preempted while it could have run on
--- (--no-preempted leaves that out), until a CPU switches to it. What waited when the trace began
--- or ended is left out.
---
--- Example: oc script run_queue_latency -d 10s
--- Example: oc script run_queue_latency --by tid --top 5 -- make
--- Example: oc script run_queue_latency -i tests/fixtures/sched.data
--- Example: oc script run_queue_latency -i tests/fixtures/sched.data --no-preempted --no-histogram

local oc = require "oc"

local opt = oc.args {
  by = oc.choice({ "comm", "tid", "cpu" }, "comm", "what to group by"),
  top = oc.number(20, "rows to print", { min = 1 }),
  preempted = oc.flag(true, "count also the wait after a preemption"),
  histogram = oc.flag(true, "draw a histogram of all waits"),
}

local trace = oc.open {}
local waits = opt.by == "tid" and oc.stats("comm", "tid", { unit = "ns" })
  or oc.stats(opt.by, { unit = "ns" })
local all = oc.histogram { unit = "ns", title = "wait for a CPU" }
local by_tid, by_cpu, with_preempted = opt.by == "tid", opt.by == "cpu", opt.preempted

-- By thread: since when it has been runnable without running; false: it is not.
local ready = trace:scratch()

local function wake(e)
  local tid = e.args.pid
  ready[tid] = ready[tid] or e.time
end

trace:on("sched:sched_wakeup", wake)
if trace:has "sched:sched_wakeup_new" then trace:on("sched:sched_wakeup_new", wake) end

trace:on("sched:sched_switch", function(e)
  local now, next_tid = e.time, e.next_pid
  local since = ready[next_tid]
  if since and next_tid ~= 0 then
    local waited = now - since
    if by_tid then
      waits:add(waited, e.next_comm, next_tid)
    elseif by_cpu then
      waits:add(waited, e.cpu)
    else
      waits:add(waited, e.next_comm)
    end
    all:add(waited)
  end
  ready[next_tid] = false
  ready[e.prev_pid] = with_preempted and e.prev_state % 256 == 0 and now
end)

trace:at_end(function()
  if all:total() == 0 then
    io.stderr:write("run_queue_latency: no thread was seen to wait for a CPU\n")
    return
  end
  waits:print { top = opt.top, sort = "sum" }
  if opt.histogram then all:print() end
end)
trace:run()
