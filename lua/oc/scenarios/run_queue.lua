--- How long threads that could run wait for a CPU.
--
-- A wake-up happens in the context of whoever wakes: so all of them are asked for, whatever
-- processes are chosen. The wait ends with a SWITCH record of the thread itself; in recordings
-- without such, with the sched_switch of the one that ran before.

return {
  name = "run_queue", by = "comm", summary = "how long runnable threads wait for a CPU",
  events = { "sched:sched_wakeup", "sched:sched_wakeup_new", "sched:sched_switch" },
  optional = { "sched:sched_wakeup_new" },
  returns = true, everyone = true,
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, all, came = timeline.new(), { tasks = "all" }, {}
    local has_returns = trace:has "cswitch_in"
    -- Who was preempted waits already, whatever wakes it. Of several wake-ups the last counts:
    -- nobody is woken twice without having run, so its switch was not seen.
    local function ready(tid, time, why)
      line:forget(tid)
      line:start(tid, time, why)
    end
    local function wakes(e)
      local tid = e.args.pid
      if e:other_is_target() and line:peek(tid) ~= "preempted" then ready(tid, e.time, "woken") end
    end
    -- perf sched record asks for the beginning of a wake-up alone.
    local has_waking = not trace:has "sched:sched_wakeup" and trace:has "sched:sched_waking"
    trace:on(has_waking and "sched:sched_waking" or "sched:sched_wakeup", all, wakes)
    if trace:has "sched:sched_wakeup_new" then trace:on("sched:sched_wakeup_new", all, wakes) end
    local function runs(e, pid, tid, comm)
      if not e:cpu_is_target() then return line:forget(tid) end  -- it is a wait of that CPU
      local since = line:finish(tid)  -- unless it became ready unseen
      if not since then return end
      add { kind = "run_queue", type = "duration", time = e.time, value = e.time - since,
        pid = pid, tid = tid, comm = comm, cpu = e.cpu }
      add_span { kind = "run_queue", name = "runnable", start = since, finish = e.time,
        pid = pid, tid = tid, comm = comm, cpu = e.cpu }
    end
    trace:on("sched:sched_switch", all, function(e)
      if not has_returns and e.next_pid ~= 0 and e:other_is_target() then
        runs(e, -1, e.next_pid, e.next_comm)
      end
      line:forget(e.prev_pid)
      if e.prev_state % 256 == 0 and e.prev_pid ~= 0 and e:is_target() then
        ready(e.prev_pid, e.time, "preempted")
      end
    end)
    trace:on("exit", all, function(e)
      local tid = e.args.tid
      line:forget(tid)
      came[tid] = nil
    end)
    if has_returns then
      trace:on("cswitch_in", all, function(e)
        if e.tid <= 0 or not e:is_target() then return end
        came[e.tid] = true
        runs(e, e.pid, e.tid, e.comm)
      end)
      trace:at_end(function()
        line:forget_where(function(tid) return not came[tid] end)  -- whom the chosen ones woke
      end)
    end
    return line
  end,
}
