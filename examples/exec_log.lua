--- Prints every program that starts and every process that ends, as they happen.
---
--- Example: oc script examples/exec_log.lua -- sh -c 'date; ls | wc -l'
--- Example: oc script examples/exec_log.lua -i examples/traces/demo.data

local oc = require "oc"

local trace = oc.open {}

trace:on("exec", function(e)
  print(("%12.6f  exec  %6d  %s"):format(e.time / 1e9, e.pid, e.comm))
end)

trace:on("exit", function(e)
  if e.pid == e.tid then print(("%12.6f  exit  %6d  %s"):format(e.time / 1e9, e.pid, e.comm)) end
end)

trace:run()
