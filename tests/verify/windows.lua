--- The samples of parts of a recorded trace, in one run: window_test.py compares them with perf's.
---
--- Behind each of --windows (parts as --time takes them, with ";" between) its samples, in order:
--- "time<TAB>pid<TAB>tid<TAB>event<TAB>comm", times since the session began.

local oc = require "oc"

local opt = oc.args { windows = oc.string("", "parts of the trace") }

for window in opt.windows:gmatch "[^;]+" do
  local trace, lines = oc.open { time = window }, { "window\t" .. window }
  trace:on("*", function(e)
    lines[#lines + 1] = ("%.0f\t%d\t%d\t%s\t%s"):format(e.time, e.pid, e.tid, e.event, e.comm)
  end)
  trace:run()
  print(table.concat(lines, "\n"))
end
