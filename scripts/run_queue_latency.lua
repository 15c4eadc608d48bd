--- How long threads wait for a CPU: from being runnable to running, by thread and as a histogram.
---
--- A thread waits from its wake-up, or from being preempted while it could have run on
--- (--no-preempted leaves that out), until a CPU switches to it. What waited when the trace began
--- or ended is left out.
---
--- -p, -t, --comm and a command choose whose waits are shown. Who wakes a thread, and what ran
--- before it, may be anything: so live the whole system is traced, which needs the rights for that.
--- Record with oc record --scenario run_queue: the whole system (-a), a command, or with -p.
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

-- By thread: since when it has been runnable without running; false: it is not; -1: it was
-- preempted, which does not count.
local ready = trace:scratch()

local all_tasks = { tasks = "all" }
-- In recordings without SWITCH records sched_switch tells who runs next.
local has_returns = trace:has "cswitch_in"
local unseen = oc.counter("wait")

local function wake(e)
  local tid = e.args.pid
  if e:other_is_target() then ready[tid] = ready[tid] or e.time end
end

trace:on("sched:sched_wakeup", all_tasks, wake)
if trace:has "sched:sched_wakeup_new" then trace:on("sched:sched_wakeup_new", all_tasks, wake) end

local function runs(tid, now, comm, cpu)
  local since = ready[tid]
  if since and since >= 0 then
    local waited = now - since
    if by_tid then
      waits:add(waited, comm, tid)
    elseif by_cpu then
      waits:add(waited, cpu)
    else
      waits:add(waited, comm)
    end
    all:add(waited)
  end
  ready[tid] = false
end

trace:on("sched:sched_switch", all_tasks, function(e)
  local next_tid = e.next_pid
  if not has_returns and next_tid ~= 0 and e:other_is_target() then
    runs(next_tid, e.time, e.next_comm, e.cpu)
  end
  local could_run = e.prev_state % 256 == 0 and e:is_target()
  ready[e.prev_pid] = could_run and (with_preempted and e.time or -1)
end)

if has_returns then
  trace:on("cswitch_in", function(e)
    local tid = e.tid
    if tid <= 0 then return end
    if not ready[tid] then unseen:count("without a beginning") end
    runs(tid, e.time, e.comm, e.cpu)
  end)
end

trace:at_end(function()
  if all:total() == 0 then
    io.stderr:write("run_queue_latency: no thread was seen to wait for a CPU\n")
  else
    waits:print { top = opt.top, sort = "sum" }
    if opt.histogram then all:print() end
  end
  if unseen:total() > 0 then
    io.stderr:write(("run_queue_latency: %d waits are left out, as their beginning is not in the "
      .. "trace%s\n"):format(unseen:total(), trace:is_recorded()
        and "; oc record --scenario run_queue records it" or ""))
  end
end)
trace:run()
