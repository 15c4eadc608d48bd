--- How long threads wait for a CPU: from being runnable to running, by thread and as a histogram.
---
--- A thread waits from its wake-up, or from being preempted while it could have run on
--- (--no-preempted leaves that out), until a CPU switches to it. What waited when the trace began
--- or ended is left out, and so are waits during which records were lost.
---
--- -p, -t, --comm and a command choose whose waits are shown, -C of a recording those that end on
--- these CPUs, wherever they began. Who wakes a thread, and what ran
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

-- By thread that is runnable without running: since when, by how it became so. `cut`: it was so
-- when records were lost.
local woken, preempted, cut = trace:scratch(), trace:scratch(), trace:scratch()

local all_tasks = { tasks = "all" }
-- In recordings without SWITCH records sched_switch tells who runs next.
local has_returns = trace:has "cswitch_in"
local unseen = oc.counter("wait")

-- Who was preempted waits already, whatever wakes it. Of several wake-ups the last counts: nobody
-- is woken twice without having run, so its switch was not seen.
local function wake(e)
  local tid = e.args.pid
  if e:other_is_target() and not preempted[tid] then woken[tid] = e.time end
end

-- perf sched record asks for the beginning of a wake-up alone.
local has_waking = not trace:has "sched:sched_wakeup" and trace:has "sched:sched_waking"
trace:on(has_waking and "sched:sched_waking" or "sched:sched_wakeup", all_tasks, wake)
if trace:has "sched:sched_wakeup_new" then trace:on("sched:sched_wakeup_new", all_tasks, wake) end

local function runs(e, tid, comm)
  local since = woken[tid] or with_preempted and preempted[tid]
  if since and e:cpu_is_target() then
    local waited = e.time - since
    if by_tid then
      waits:add(waited, comm, tid)
    elseif by_cpu then
      waits:add(waited, e.cpu)
    else
      waits:add(waited, comm)
    end
    all:add(waited)
  end
  woken[tid], preempted[tid], cut[tid] = nil, nil, nil
end

trace:on("sched:sched_switch", all_tasks, function(e)
  local next_tid = e.next_pid
  if not has_returns and next_tid ~= 0 and e:other_is_target() then
    runs(e, next_tid, e.next_comm)
  end
  local tid = e.prev_pid
  local could_run = tid ~= 0 and e.prev_state % 256 == 0 and e:is_target()
  woken[tid], preempted[tid] = nil, could_run and e.time or nil
end)

-- It may have run and become runnable again meanwhile.
trace:on("lost", function()
  for tid in pairs(woken) do
    unseen:count("cut off")
    woken[tid], cut[tid] = nil, true
  end
  for tid in pairs(preempted) do
    if with_preempted then unseen:count("cut off") end
    preempted[tid], cut[tid] = nil, true
  end
end)
trace:on("exit", all_tasks, function(e)
  local tid = e.args.tid
  woken[tid], preempted[tid], cut[tid] = nil, nil, nil
end)

if has_returns then
  trace:on("cswitch_in", all_tasks, function(e)
    local tid = e.tid
    if tid <= 0 or not e:is_target() then return end
    if not (woken[tid] or preempted[tid] or cut[tid]) and e:cpu_is_target() then
      unseen:count("without a beginning")
    end
    runs(e, tid, e.comm)
  end)
end

trace:at_end(function()
  if all:total() == 0 then
    io.stderr:write("run_queue_latency: no thread was seen to wait for a CPU\n")
  else
    waits:print { top = opt.top, sort = "sum" }
    if opt.histogram then all:print() end
  end
  for _, row in ipairs(unseen:rows()) do
    local why = row.wait == "cut off" and "records were lost meanwhile"
      or "their beginning is not in the trace" .. (trace:is_recorded()
        and "; oc record --scenario run_queue records it" or "")
    io.stderr:write(("run_queue_latency: %d waits are left out, as %s\n"):format(row.count, why))
  end
end)
trace:run()
