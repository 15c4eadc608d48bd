--- How long threads that could run wait for a CPU.

return {
  name = "run_queue", by = "comm", summary = "how long runnable threads wait for a CPU",
  events = { "sched:sched_wakeup", "sched:sched_switch" },
  setup = function(trace, add, add_span)
    local ready = {}
    trace:on("sched:sched_wakeup", function(e)
      local tid = e.args.pid
      ready[tid] = ready[tid] or e.time
    end)
    trace:on("sched:sched_switch", function(e)
      local tid = e.next_pid
      local since = ready[tid]
      if since and tid ~= 0 then
        add { kind = "run_queue", type = "duration", time = e.time, value = e.time - since,
          pid = -1, tid = tid, comm = e.next_comm, cpu = e.cpu }
        add_span { kind = "run_queue", name = "runnable", start = since, finish = e.time,
          pid = -1, tid = tid, comm = e.next_comm, cpu = e.cpu }
      end
      ready[tid] = false
      ready[e.prev_pid] = e.prev_state % 256 == 0 and e.prev_pid ~= 0 and e.time
    end)
  end,
}
