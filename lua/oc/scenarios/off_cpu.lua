--- Where threads wait: the time off the CPU by the stack with which they left it, and who woke
--- them.

return {
  name = "off_cpu", summary = "where threads wait, by stack, and who wakes them",
  events = { "sched:sched_switch", "sched:sched_waking" }, optional = { "sched:sched_waking" },
  stacks = "fp",
  setup = function(trace, add, add_span)
    local away, wakers = {}, {}
    local has_waking = trace:has "sched:sched_waking"
    if has_waking then
      trace:on("sched:sched_waking", function(e) wakers[e.args.pid] = e.comm end)
    end
    trace:on("cswitch", function(e)
      local tid = e.next_tid
      local left = away[tid]
      if left and tid > 0 then
        away[tid] = nil
        local waker = wakers[tid]
        add { kind = "off_cpu", type = "duration", time = e.time, value = e.time - left.time,
          pid = left.pid, tid = tid, comm = left.comm, cpu = e.cpu, stack = left.stack,
          attributes = waker and { waker = waker } or nil }
        add_span { kind = "off_cpu", name = "off CPU", start = left.time, finish = e.time,
          pid = left.pid, tid = tid, comm = left.comm, stack = left.stack }
      end
      wakers[tid] = nil
      away[e.tid] = nil
      if e.tid > 0 and not e.preempted then
        away[e.tid] = { time = e.time, pid = e.pid, comm = e.comm, stack = e:get "stack" }
      end
    end)
    trace:on("exit", function(e) away[e.args.tid] = nil end)
  end,
}
