--- Keeps the last seconds of the scheduler's events and writes them when a process has starved.
---
--- A flight recorder runs beside the script: nothing is written until a wait was longer than
--- --limit.
---
--- Example: oc script examples/flight_recorder.lua --out /tmp/starved.data -d 10s
local oc = require "oc"

local opt = oc.args {
  limit = oc.duration("100ms", "how long a thread may be ready without a CPU"),
  keep  = oc.string("2s", "how much of the past to keep"),
  out   = oc.string("starved.data", "where it is written to"),
}

local ring = oc.recorder {
  events = { "sched:sched_switch", "sched:sched_wakeup" },
  overwrite = opt.keep,
}
local trace = oc.open {}
local ready, written = {}, false

trace:on("sched:sched_wakeup", function(e) ready[e.args.pid] = e.time end)

trace:on("sched:sched_switch", function(e)
  local since = ready[e.next_pid]
  ready[e.next_pid] = nil
  if not since or e.time - since < opt.limit or written then return end
  written = true
  print(("%s waited %.1f ms"):format(e.next_comm, (e.time - since) / 1e6), ring:dump(opt.out))
end)

trace:at_end(function()
  local stats = ring:stop()
  print(("%d events passed the recorder, %d were lost"):format(stats.events, stats.lost))
end)

trace:run()
