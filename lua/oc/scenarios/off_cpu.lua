--- Where threads wait: the time off the CPU by the stack with which they left it, and who woke
--- them.

return {
  name = "off_cpu", summary = "where threads wait, by stack, and who wakes them",
  events = { "sched:sched_switch", "sched:sched_waking" }, optional = { "sched:sched_waking" },
  stacks = "fp",
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, wakers, seen = timeline.new(), {}, {}
    local has_waking = trace:has "sched:sched_waking"
    if has_waking then
      trace:on("sched:sched_waking", function(e) wakers[e.args.pid] = e.comm end)
    end
    local function runs(e, tid)
      if not line:has(tid) then
        -- It was preempted, or waited before it was seen for the first time.
        if not seen[tid] then line.unbegun = line.unbegun + 1 end
        seen[tid] = true
        return
      end
      local began, left = line:finish(tid)
      local waker = wakers[tid]
      add { kind = "off_cpu", type = "duration", time = e.time, value = e.time - began,
        pid = left.pid, tid = tid, comm = left.comm, cpu = e.cpu, stack = left.stack,
        attributes = waker and { waker = waker } or nil }
      add_span { kind = "off_cpu", name = "off CPU", start = began, finish = e.time,
        pid = left.pid, tid = tid, comm = left.comm, stack = left.stack }
    end
    trace:on("cswitch", function(e)
      local tid, next_tid = e.tid, e.next_tid
      if next_tid > 0 then runs(e, next_tid) end
      wakers[next_tid] = nil
      if tid <= 0 then return end
      seen[tid] = true
      line:drop(tid)  -- it waited and ran again, and nobody saw when
      if e.exited then
        seen[tid] = nil
      elseif not e.preempted then
        line:start(tid, e.time, { pid = e.pid, comm = e.comm, stack = e:get "stack" })
      end
    end)
    -- SWITCH records do not tell who ends.
    trace:on("exit", function(e) line:forget(e.args.tid) end)
    trace:on("fork", function(e) seen[e.args.tid] = true end)  -- it waited for no event
    return line
  end,
}
