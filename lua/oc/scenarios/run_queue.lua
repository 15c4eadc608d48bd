--- How long threads that could run wait for a CPU.

return {
  name = "run_queue", by = "comm", summary = "how long runnable threads wait for a CPU",
  events = { "sched:sched_wakeup", "sched:sched_wakeup_new", "sched:sched_switch" },
  optional = { "sched:sched_wakeup_new" },
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line = timeline.new()
    -- The latest counts: a switch may have been lost, or be of another CPU.
    local function ready(tid, time)
      line:forget(tid)
      line:start(tid, time, false)
    end
    trace:on("sched:sched_wakeup", function(e) ready(e.args.pid, e.time) end)
    if trace:has "sched:sched_wakeup_new" then
      trace:on("sched:sched_wakeup_new", function(e) ready(e.args.pid, e.time) end)
    end
    trace:on("sched:sched_switch", function(e)
      local tid = e.next_pid
      local since = tid ~= 0 and line:finish(tid)  -- unless it became ready unseen
      if since then
        add { kind = "run_queue", type = "duration", time = e.time, value = e.time - since,
          pid = -1, tid = tid, comm = e.next_comm, cpu = e.cpu }
        add_span { kind = "run_queue", name = "runnable", start = since, finish = e.time,
          pid = -1, tid = tid, comm = e.next_comm, cpu = e.cpu }
      end
      line:forget(e.prev_pid)
      if e.prev_state % 256 == 0 and e.prev_pid ~= 0 then ready(e.prev_pid, e.time) end
    end)
    return line
  end,
}
