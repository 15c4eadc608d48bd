--- What a recorded trace holds, to be compared with what perf says of the same file.
---
--- Counts samples by event, comm, pid, tid and cpu, and kernel records by kind; prints them as one
--- JSON document each under --json. With --lines every sample is printed too, in order:
--- "time<TAB>cpu<TAB>pid<TAB>tid<TAB>event<TAB>comm", times since
--- the session began.

local oc = require "oc"

local opt = oc.args { lines = oc.flag(false, "print every sample") }

local trace = oc.open {}
local keys = { "event", "comm", "pid", "tid", "cpu" }
local by, lines = {}, {}
for _, key in ipairs(keys) do by[key] = oc.counter(key) end

trace:on("*", function(e)
  by.event:count(e.event)
  by.comm:count(e.comm)
  by.pid:count(e.pid)
  by.tid:count(e.tid)
  by.cpu:count(e.cpu)
  if opt.lines then lines[#lines + 1] = { e.time, e.cpu, e.pid, e.tid, e.event, e.comm } end
end)

local records = oc.counter("record")
-- comm and mmap stand for exec and mmap2 too.
for _, name in ipairs { "comm", "fork", "exit", "mmap", "lost", "lost_samples", "switch_out",
  "switch_in", "switch_out_wide", "switch_in_wide", "throttle", "unthrottle", "cgroup",
  "namespaces", "ksymbol", "bpf_event", "text_poke", "aux", "itrace_start" } do
  trace:on(name, function(e) records:count(e.event) end)
end

trace:run()

for _, line in ipairs(lines) do
  io.write(("%.0f\t%d\t%d\t%d\t%s\t%s\n"):format(line[1], line[2], line[3], line[4], line[5],
    line[6]))
end
for _, key in ipairs(keys) do by[key]:print { title = key } end
records:print { title = "records" }
