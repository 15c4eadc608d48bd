--- Where threads wait: the time off the CPU by the stack with which they left it, and who woke
--- them.
--
--     T leaves: sched_switch of T ──────────── T comes back: sched_switch of whoever ran before,
--     stack and state                          or a SWITCH record of T, where there are such

return {
  name = "off_cpu", summary = "where threads wait, by stack, and who wakes them",
  events = { "sched:sched_switch", "sched:sched_waking" }, optional = { "sched:sched_waking" },
  stacks = "fp", returns = true,
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, wakers, seen = timeline.new(), {}, {}
    local has_returns = trace:has "cswitch_in"
    -- Live there is, and it would mean to trace the whole system.
    local whose = trace:is_recorded() and { tasks = "all" } or {}
    if trace:has "sched:sched_waking" then
      trace:on("sched:sched_waking", whose, function(e)
        if e:other_is_target() then wakers[e.args.pid] = e.comm end
      end)
    end
    local function runs(e, tid)
      if not line:has(tid) then
        -- It was preempted, or waited before it was seen for the first time.
        if not seen[tid] and e:cpu_is_target() then line.unbegun = line.unbegun + 1 end
        seen[tid] = true
        return
      end
      local began, left = line:finish(tid)
      if not e:cpu_is_target() then return end  -- it is a wait of the CPU on which it ends
      local waker = wakers[tid]
      add { kind = "off_cpu", type = "duration", time = e.time, value = e.time - began,
        pid = left.pid, tid = tid, comm = left.comm, cpu = e.cpu, stack = left.stack,
        attributes = waker and { waker = waker } or nil }
      add_span { kind = "off_cpu", name = "off CPU", start = began, finish = e.time,
        pid = left.pid, tid = tid, comm = left.comm, stack = left.stack }
    end
    trace:on("cswitch", whose, function(e)
      local tid, next_tid = e.tid, e.next_tid
      if line:has(next_tid) or not has_returns and next_tid > 0 and e:other_is_target() then
        runs(e, next_tid)
      end
      wakers[next_tid] = nil
      if tid <= 0 then return end
      line:drop(tid)  -- it waited and ran again, and nobody saw when
      seen[tid] = not e.exited or nil
      if e:is_target() and not e.exited and not e.preempted then
        line:start(tid, e.time, { pid = e.pid, comm = e.comm, stack = e:get "stack" })
      end
    end)
    if has_returns then
      trace:on("cswitch_in", whose, function(e)
        if e.tid <= 0 or not e:is_target() then return end
        runs(e, e.tid)
        wakers[e.tid] = nil
      end)
    end
    -- SWITCH records do not tell who ends.
    trace:on("exit", whose, function(e)
      local tid = e.args.tid
      line:forget(tid)
      seen[tid], wakers[tid] = nil, nil
    end)
    trace:on("fork", whose, function(e) seen[e.args.tid] = true end)  -- it waited for no event
    return line
  end,
}
